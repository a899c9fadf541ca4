"""The four walks over a map of the fused SS2D: the position at each step, without a division.

Directions: 0 rows, 1 columns (down each column, column after column), 2 rows reversed, 3 columns reversed.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def positions_of(step, length, direction, width, multiplier, shift):
    """The positions row · width + column of those steps of a walk, all below its length: int32.

    ``multiplier`` and ``shift`` divide by the height (see ``blocks.reciprocal``).
    """
    place = tl.where(direction >= 2, length - 1 - step, step)
    by_columns = direction % 2 == 1
    # With the column q = place // height, the position is (place − q · height) · width + q.
    product = (4 * place).to(tl.int64) * tl.where(by_columns, multiplier, 0).to(tl.int64)
    column = (product >> 32).to(tl.int32) >> shift
    return place * tl.where(by_columns, width, 1) - column * (length - 1)
