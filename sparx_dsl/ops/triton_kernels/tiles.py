"""Tiles (rows, channels) in the order of a product: how they are read from maps and stored, a few values at a time.

A lane of a product of 16 rows holds, in rows r and r + 8, columns 8j + 2q and 8j + 2q + 1 for j = 0, 1, …: a quarter
of the columns. The channels of a tile are ordered so that these are neighbours in memory, for loads of all of them,
and no exchange between lanes. No result depends on that order.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def channels_in_order(CHANNELS: tl.constexpr):
    """The channel of each column of a tile: (CHANNELS,)."""
    column = tl.arange(0, CHANNELS)
    return column % 8 // 2 * (CHANNELS // 4) + column // 8 * 2 + column % 2


@triton.jit
def channels_in_quarters(CHANNELS: tl.constexpr):
    """The same channels as maps are read: (4, 1, CHANNELS / 4)."""
    return tl.arange(0, 4)[:, None, None] * (CHANNELS // 4) + tl.arange(0, CHANNELS // 4)[None, None, :]


# Lanes go to the first of equal axes first, hence the quarters before the rows in all shapes in memory.


@triton.jit
def tile_from(quarters, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """(4, ROWS, CHANNELS / 4) as it is read from a map, as a tile (ROWS, CHANNELS)."""
    parts = tl.permute(tl.reshape(quarters, (4, ROWS, CHANNELS // 8, 2)), (1, 2, 0, 3))
    return tl.reshape(parts, (ROWS, CHANNELS))


@triton.jit
def quarters_from(tile, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """The inverse of ``tile_from``."""
    parts = tl.permute(tl.reshape(tile, (ROWS, CHANNELS // 8, 4, 2)), (2, 0, 1, 3))
    return tl.reshape(parts, (4, ROWS, CHANNELS // 4))


@triton.jit
def read_tile(at, mask, ROWS: tl.constexpr, CHANNELS: tl.constexpr, ALL: tl.constexpr):
    """The tile that lies at pointers (4, ROWS, CHANNELS / 4); 0 where the mask is not set. With ALL it is set."""
    quarters = tl.load(at) if ALL else tl.load(at, mask=mask, other=0.0)
    return tile_from(quarters, ROWS, CHANNELS)


@triton.jit
def write_tile(at, mask, tile, ROWS: tl.constexpr, CHANNELS: tl.constexpr, ALL: tl.constexpr):
    """Store a tile at pointers (4, ROWS, CHANNELS / 4), in their dtype."""
    quarters = quarters_from(tile.to(at.dtype.element_ty), ROWS, CHANNELS)
    if ALL:
        tl.store(at, quarters)
    else:
        tl.store(at, quarters, mask=mask)


@triton.jit
def _kept_places(ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """Where a tile's values are kept: (4, ROWS, CHANNELS / 16, 4), four of a lane side by side."""
    lane = tl.arange(0, ROWS)[None, :, None, None] * 4 + tl.arange(0, 4)[:, None, None, None]
    four = tl.arange(0, CHANNELS // 16)[None, None, :, None] * (ROWS * 4)
    return (lane + four) * 4 + tl.arange(0, 4)[None, None, None, :]


@triton.jit
def keep_tile(at, tile, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """Store a tile in ROWS · CHANNELS places of memory that only ``kept_tile`` reads."""
    parts = tl.permute(tl.reshape(tile, (ROWS, CHANNELS // 16, 2, 4, 2)), (3, 0, 1, 2, 4))
    fours = tl.reshape(parts, (4, ROWS, CHANNELS // 16, 4))
    tl.store(at + _kept_places(ROWS, CHANNELS), fours.to(at.dtype.element_ty))


@triton.jit
def kept_tile(at, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """The tile that ``keep_tile`` stored there, in float32."""
    fours = tl.load(at + _kept_places(ROWS, CHANNELS))
    parts = tl.permute(tl.reshape(fours, (4, ROWS, CHANNELS // 16, 2, 2)), (1, 2, 3, 0, 4))
    return tl.reshape(parts, (ROWS, CHANNELS)).to(tl.float32)
