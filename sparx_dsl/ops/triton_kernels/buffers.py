"""Memory for the kernels' results and intermediates, and the sizes that they are compiled for."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportCallIssue=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.triton_kernels.blocks import Blocks, power_of_two

ADDED = 2048
"""The values that a program of ``add_maps`` adds."""


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


def has_ptx() -> bool:
    """Whether kernels may hold instructions of NVIDIA's: not in Triton's interpreter, and not for AMD."""
    from sparx_dsl.ops.triton_kernels.tile import COMPILED

    return COMPILED and torch.version.hip is None


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


def walk_maps(x: Tensor, maps: int) -> Tensor:
    """Memory for that many maps of walks over x (batch, inner, height, width): (maps, batch, height, width, inner).

    In x's dtype, but for float16: a part may be beyond its range where the whole is not.
    """
    batch, inner, height, width = x.shape
    dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
    return torch.empty(maps, batch, height, width, inner, device=x.device, dtype=dtype)


def add_maps(maps: Tensor, dtype: torch.dtype) -> Tensor:
    """The sum of maps (maps, batch, height, width, values): (batch, height, width, values) in that dtype.

    Added in float32, and always in the same order.
    """
    from sparx_dsl.ops.triton_kernels.ss2d_forward import add_maps as kernel

    out = torch.empty(maps.shape[1:], device=maps.device, dtype=dtype)
    count = out.numel()
    with torch.cuda.device_of(maps):
        kernel[(-(-count // ADDED),)](maps, out, count, MAPS=len(maps), BLOCK=ADDED, num_warps=8)
    return out
