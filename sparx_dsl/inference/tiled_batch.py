"""A part of a layer run on a few images at a time, so that what it computes in between stays small."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

TILE_BYTES = 16 << 20
"""The bytes that a tiled part's widest tensor keeps to; glibc maps 32 MiB and more again in each call."""


LARGEST = 1 << 62
"""More elements than any tensor has; compilers don't know that of a size that varies."""


class TiledBatch(nn.Module):
    """A part that treats every image by itself, run on as many images at a time as keep its tensors small.

    ``widest`` is the number of elements of the largest tensor that the part makes, for each element of its first input;
    ``tile_bytes`` is what that tensor keeps to.
    On CPU and outside of autograd only, and in compiled graphs for one batch size: elsewhere the whole batch goes
    through at once.
    """

    def __init__(self, part: nn.Module, widest: float, tile_bytes: int = TILE_BYTES) -> None:
        super().__init__()
        self.part = part
        self.widest = widest
        self.tile_bytes = tile_bytes

    def forward(self, *inputs: Tensor) -> Tensor:
        """The part's inputs, (batch, channels, height, width) each, to its result."""
        if torch.jit.is_tracing() or (torch.compiler.is_compiling() and not has_known_size(inputs[0])):  # pyright: ignore[reportPrivateImportUsage]
            return cast(Tensor, self.part(*inputs))
        count = self.images_at_once(inputs[0])
        if count >= inputs[0].shape[0]:
            return cast(Tensor, self.part(*inputs))
        return self.in_slices(inputs, count)

    def images_at_once(self, x: Tensor) -> int:
        """How many images of x (batch, channels, height, width) the part takes at a time."""
        batch = x.shape[0]
        # A part that gives its input, or a view of it, makes no tensor at all.
        if batch < 2 or self.widest == 0 or x.device.type != "cpu":
            return batch
        if torch.is_grad_enabled() and x.requires_grad:
            return batch
        return max(1, int(self.tile_bytes * batch / (x.numel() * x.element_size() * self.widest)))

    def in_slices(self, inputs: tuple[Tensor, ...], count: int) -> Tensor:
        """Run the part on slices of the batch and write each result into its place; shapes are those of ``forward``."""
        batch = inputs[0].shape[0]
        first = self.part(*(each[:count] for each in inputs))
        result = torch.empty(
            (batch, *first.shape[1:]), dtype=first.dtype, device=first.device, memory_format=torch.channels_last
        )
        result[:count] = first
        for start in range(count, batch, count):
            result[start : start + count] = self.part(*(each[start : start + count] for each in inputs))
        return result


def has_known_size(x: Tensor) -> bool:
    """Whether a compiler that is no exporter knows how many elements a tensor of any shape has, without a guard."""
    # It brings sympy along, which takes long to import.
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    return not torch.compiler.is_exporting() and bool(statically_known_true(x.numel() < LARGEST))
