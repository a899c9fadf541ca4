"""How channels-last maps are divided among the programs of norms and depthwise convolutions, and how they lie."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sparx_dsl.ops.triton_kernels.blocks import power_of_two
from sparx_dsl.ops.triton_kernels.buffers import by_position

PROGRAMS = 2112
"""Sixteen programs for each multiprocessor of a large GPU (132): enough to hide what one waits for."""
MOST_PARTS = 256
"""The most parts of an image whose moments one program joins."""
TILE = 4096
"""The values that a program of a norm has at a time."""
WIDEST = 128
"""The most channels of a block of a norm."""


@dataclass(frozen=True, slots=True)
class MapParts:
    """A division of maps (places, channels): parts of ``span`` places, of a block of channels, ROWS at a time."""

    rows: int
    channels: int
    blocks: int
    span: int
    parts: int

    @property
    def programs(self) -> int:
        """How many programs an image has."""
        return self.parts * self.blocks


def map_parts(batch: int, places: int, channels: int) -> MapParts:
    """The division of that many maps, of at most ``MOST_PARTS`` programs for each where channels allow."""
    block = channel_block(channels, WIDEST)
    rows, blocks = max(1, TILE // block), -(-channels // block)
    wanted = max(1, min(-(-places // rows), PROGRAMS // max(1, batch * blocks), MOST_PARTS // blocks))
    span = -(-places // (wanted * rows)) * rows
    return MapParts(rows, block, blocks, span, -(-places // span))


def channel_block(channels: int, most: int) -> int:
    """The largest power of two up to ``most`` that divides the channels, if at least 32; else one that covers them."""
    block = min(most, channels & -channels)
    return block if block >= 32 else min(most, max(16, power_of_two(channels)))


def pitched(x: Tensor) -> tuple[Tensor, int]:
    """Maps (batch, channels, height, width) as kernels read them, and the values from one place to the next.

    Those whose channels are contiguous and whose places are equally far apart stay: also the first channels of wider
    maps. Others are copied.
    """
    _, channels, height, width = x.shape
    steps = (height * width, 0, width, 1)
    found = [(size, stride, step) for size, stride, step in zip(x.shape, x.stride(), steps, strict=True) if size > 1]
    apart = [stride // step for _, stride, step in found if step]
    pitch = min(apart, default=channels)
    if pitch >= channels and all(stride == (step * pitch or 1) for _, stride, step in found):
        return x, pitch
    return by_position(x), channels
