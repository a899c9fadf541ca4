"""How PyTorch lays tensors out in memory: which reshaping is a view, which result is channels-last.

A saved view costs nothing where the memory that it looks at is saved already, and a copy costs all of it. So what
autograd holds follows from the strides, in units of one number, and these are the rules by which PyTorch picks them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Shape = tuple[int, ...]

CHANNELS_LAST = (1, 3, 2, 0)
"""The dimensions of a map (batch, channels, height, width) in the order of their strides, channels first."""


def packed(shape: Shape, innermost_first: Sequence[int] | None = None) -> Shape:
    """Strides without gaps, with the dimensions in that order in memory; by default the last one is innermost."""
    strides, step = [0] * len(shape), 1
    for dimension in range(len(shape) - 1, -1, -1) if innermost_first is None else innermost_first:
        strides[dimension] = step
        step *= shape[dimension]
    return tuple(strides)


def is_packed(shape: Shape, strides: Shape, innermost_first: Sequence[int] | None = None) -> bool:
    """Whether the strides are those of ``packed``, up to dimensions of size 1, whose strides say nothing."""
    return all(
        size == 1 or stride == wanted
        for size, stride, wanted in zip(shape, strides, packed(shape, innermost_first), strict=True)
    )


def prefers_channels_last(shape: Shape, strides: Shape) -> bool:
    """Whether operators on this map give channels-last results (``suggest_memory_format``)."""
    if len(shape) != 4 or strides[1] == 0:
        return False
    least = 0
    for dimension in CHANNELS_LAST:
        if strides[dimension] < least or (dimension == 0 and least == strides[1]):
            return False
        least = strides[dimension] * max(shape[dimension], 1)
    return True


def is_dense(shape: Shape, strides: Shape) -> bool:
    """Whether the elements are contiguous in memory, in any order of dimensions."""
    step = 1
    for stride, size in sorted((stride, size) for stride, size in zip(strides, shape, strict=True) if size != 1):
        if stride != step:
            return False
        step *= size
    return True


def viewed(shape: Shape, strides: Shape, wanted: Shape) -> Shape | None:
    """The strides of a view of that shape, or None where the numbers have to be copied (``computeStride``)."""
    found, place = [0] * len(wanted), len(wanted) - 1
    base, seen, given = strides[-1], 1, 1
    for dimension in range(len(shape) - 1, -1, -1):
        seen *= shape[dimension]
        joined = dimension and (shape[dimension - 1] == 1 or strides[dimension - 1] == seen * base)
        if joined:
            continue
        while place >= 0 and (given < seen or wanted[place] == 1):
            found[place] = given * base
            given *= wanted[place]
            place -= 1
        if given != seen:
            return None
        if dimension:
            base, seen, given = strides[dimension - 1], 1, 1
    return tuple(found) if place == -1 else None


def elementwise(*operands: tuple[Shape, Shape | None]) -> tuple[Shape, Shape | None]:
    """Shape and strides of what an element-wise operation makes of operands that broadcast (``TensorIterator``).

    Operands are (shape, strides); where the strides of one are not followed, neither are the result's. The order of
    dimensions is the one that the first operand has whose strides decide.
    """
    first = operands[0][0]
    if operands[0][1] is None and all(shape == first for shape, _ in operands):
        return first, None
    rank = max(len(shape) for shape, _ in operands)
    shapes = [(1,) * (rank - len(shape)) + shape for shape, _ in operands]
    shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    followed = [strides for _, strides in operands if strides is not None]
    if len(followed) < len(operands):
        return shape, None
    padded = [(sizes, (0,) * (rank - len(strides)) + strides) for sizes, strides in zip(shapes, followed, strict=True)]
    return shape, _broadcast_strides(shape, padded)


def _broadcast_strides(shape: Shape, padded: Sequence[tuple[Shape, Shape]]) -> Shape:
    """The strides of the result of that shape, for operands of its rank."""
    if all(sizes == shape for sizes, _ in padded):
        if all(is_packed(*operand) for operand in padded):
            return packed(shape)
        if len(shape) == 4 and all(is_packed(*operand, CHANNELS_LAST) for operand in padded):
            return packed(shape, CHANNELS_LAST)
        first = padded[0][1]
        if is_dense(shape, first) and all(strides == first for _, strides in padded):
            return first
    spread = [
        tuple(0 if size == 1 and whole != 1 else stride for size, stride, whole in zip(*operand, shape, strict=True))
        for operand in padded
    ]
    return packed(shape, _innermost_first(shape, spread))


def _innermost_first(shape: Shape, operands: Sequence[Shape]) -> list[int]:
    """The dimensions from the innermost, by insertion, so that those that no operand decides stay in place."""
    order = list(range(len(shape) - 1, -1, -1))
    for start in range(1, len(order)):
        place = start
        for before in range(start - 1, -1, -1):
            order_by = _compare(shape, operands, order[before], order[place])
            if order_by > 0:
                order[before], order[place] = order[place], order[before]
                place = before
            elif order_by < 0:
                break
    return order


def _compare(shape: Shape, operands: Sequence[Shape], inner: int, outer: int) -> int:
    """Above zero where the two dimensions are to change places, below where not, zero where no operand decides."""
    for strides in operands:
        if strides[inner] == 0 or strides[outer] == 0:
            continue
        if strides[inner] != strides[outer]:
            return 1 if strides[inner] > strides[outer] else -1
        if shape[inner] > shape[outer]:
            return 1
    return 0


def count(shape: Shape) -> int:
    """How many numbers a tensor of that shape has."""
    return math.prod(shape)
