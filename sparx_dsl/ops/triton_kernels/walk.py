"""The four walks over a map of the fused SS2D: which places a program's rows visit, and what they read there.

Directions: 0 rows, 1 columns (down each column, column after column), 2 rows reversed, 3 columns reversed. A walk may
be cut into segments of equally many steps, which advance side by side: a row is one segment of one image's walk.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false
# Triton has no types, and may be missing.
# ruff: noqa: RUF005
# Nor does it compile starred expressions.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def positions_of(step, direction, sizes, WIDE: tl.constexpr, EVEN: tl.constexpr):
    """The positions row · width + column of those steps of a walk, and which of the steps are before its end.

    ``sizes`` is (length, width, multiplier, shift, …): the last two divide by the height (see ``blocks.reciprocal``).
    A step beyond the end has the position of the last one; with EVEN there is none. WIDE gives int64, else int32.
    """
    length, width, multiplier, shift = sizes[0], sizes[1], sizes[2], sizes[3]
    valid = step < length
    if not EVEN:
        step = tl.minimum(step, length - 1)
    place = tl.where(direction >= 2, length - 1 - step, step)
    by_columns = direction % 2 == 1
    # With the column q = place // height, the position is (place − q · height) · width + q.
    product = (4 * place).to(tl.int64) * tl.where(by_columns, multiplier, 0).to(tl.int64)
    column = (product >> 32).to(tl.int32) >> shift
    position = place * tl.where(by_columns, width, 1) - column * (length - 1)
    if WIDE:
        position = position.to(tl.int64)
    return position, valid


@triton.jit
def values_of(at, STATE: tl.constexpr, GROUP: tl.constexpr, first):
    """GROUP values of each row from that state on, as a tuple of (rows,); 0 beyond the last state."""
    found = ()
    for n in tl.static_range(GROUP):
        if STATE % GROUP == 0:
            value = tl.load(at + (first + n))
        else:
            value = tl.load(at + (first + n), mask=first + n < STATE, other=0.0)
        found = found + (value,)
    return found
