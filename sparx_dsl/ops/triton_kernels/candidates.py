"""The settings of the fused SS2D that are worth measuring for a shape: a short, closed list, the default first.

What a file of tuned settings says is only ever taken where it is one of these.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from sparx_dsl.ops.triton_kernels.blocks import power_of_two
from sparx_dsl.ops.triton_kernels.settings import (
    FORWARD,
    PRODUCT_ROWS,
    WalkSettings,
    WalkShape,
    backward_settings,
    fitted,
    forward_settings,
)

Direction = Literal["forward", "backward"]
MOST_AHEAD = 16
"""The most places that a program loads before it computes."""
MOST_WARPS = 8
"""The most warps of a program."""


@functools.lru_cache(maxsize=1024)
def candidates(direction: Direction, shape: WalkShape, capability: tuple[int, int]) -> tuple[WalkSettings, ...]:
    """Different settings of that direction for a shape on a device of that capability, from its default on."""
    return _forward(shape, capability) if direction == "forward" else _backward(shape)


def _forward(shape: WalkShape, capability: tuple[int, int]) -> tuple[WalkSettings, ...]:
    """Every measured row that does its time steps alike, fitted to the shape, and what lies beside the default."""
    default = forward_settings(shape, capability)
    rows = (row.settings for table in FORWARD.values() for row in table if row.settings.dot == default.dot)
    images = power_of_two(max(1, shape.batch))
    others = (fitted(each, shape) for each in rows if each.images <= images)
    return _different(default, (*others, *_beside(default)))


def _backward(shape: WalkShape) -> tuple[WalkSettings, ...]:
    """The default with its walks cut into more or fewer segments, and what lies beside the default."""
    default = backward_settings(shape)
    images = power_of_two(max(1, shape.batch))
    cuts = [1 << power for power in range(PRODUCT_ROWS.bit_length()) if PRODUCT_ROWS >> power <= images]
    cut = (replace(default, segments=rows, rows=rows, images=PRODUCT_ROWS // rows) for rows in cuts)
    return _different(default, (*cut, *_beside(default)))


def _beside(settings: WalkSettings) -> Iterable[WalkSettings]:
    """With half and twice the places ahead, and the warps."""
    for ahead in (settings.ahead // 2, settings.ahead * 2):
        if 1 <= ahead <= MOST_AHEAD:
            yield replace(settings, ahead=ahead)
    lanes = settings.rows * settings.images * settings.channels
    for warps in (settings.warps // 2, settings.warps * 2):
        if 1 <= warps <= MOST_WARPS and 32 * warps <= lanes:
            yield replace(settings, warps=warps)


def _different(first: WalkSettings, others: Iterable[WalkSettings]) -> tuple[WalkSettings, ...]:
    return tuple(dict.fromkeys((first, *others)))
