"""Memory for the kernels' results and intermediates, and the sizes that they are compiled for."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.triton_kernels.blocks import Blocks, power_of_two


def sizes(state: int, blocks: Blocks, channels: int) -> dict[str, int | bool]:
    """The sizes that all kernels are compiled for; WHOLE says that blocks divide that many channels."""
    return {
        "STATE": state,
        "STATE_BLOCK": power_of_two(state),
        "TILE": blocks.tile,
        "CHANNELS": blocks.channels,
        "WHOLE": channels % blocks.channels == 0,
    }


def is_precise(*activations: Tensor) -> bool:
    """Whether the activations, of any shape, carry more digits than the fast logarithm keeps of small time steps."""
    return all(each.dtype == torch.float32 for each in activations)


def float32(like: Tensor, *shape: int) -> Tensor:
    """Memory for that shape, on the device of ``like``."""
    return torch.empty(shape, device=like.device, dtype=torch.float32)


def contiguous_or(row: Tensor | None, instead: Tensor) -> Tensor:
    """The row (channels,), contiguous; where there is none, a tensor that the kernel does not read."""
    return instead if row is None else row.contiguous()


def channels_last_line(like: Tensor, dtype: torch.dtype) -> Tensor:
    """Memory for (batch, channels, length), channels-last."""
    batch, channels, length = like.shape
    return torch.empty(batch, length, channels, device=like.device, dtype=dtype).transpose(1, 2)


def by_position(tensor: Tensor) -> Tensor:
    """(batch, channels, height, width) as contiguous (batch, height, width, channels)."""
    return tensor.permute(0, 2, 3, 1).contiguous()


def walk_sums(x: Tensor, blocks: Blocks) -> Tensor:
    """Memory for the sums of walks: (sums, batch, height, width, inner).

    In x's dtype, but for float16: a part may be beyond its range where the whole is not.
    """
    batch, inner, height, width = x.shape
    dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
    return torch.empty(blocks.sums, batch, height, width, inner, device=x.device, dtype=dtype)


def merge(sums: Tensor, x: Tensor) -> Tensor:
    """The sum of the sums: (batch, inner, height, width), channels-last, in x's dtype."""
    return sums.sum(0).to(x.dtype).permute(0, 3, 1, 2)
