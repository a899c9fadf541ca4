"""By how much stems and downsamplings shrink maps, and how sizes follow that are no multiples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple


class Shrinking(NamedTuple):
    """One step by which a map's sides shrink: to one position for each ``by``, of what does not fill it too or not."""

    by: int
    crops: bool = False
    """Whether sides are rounded down, but never below one, instead of up."""


Shrinkings = tuple[Shrinking, ...]
"""Steps in order."""


def total(shrinkings: Shrinkings) -> int:
    """By how much all of the steps together shrink a side."""
    return math.prod(step.by for step in shrinkings)


def shrunk(size: tuple[int, int], shrinkings: Shrinkings) -> tuple[int, int]:
    """Height and width of what the steps make of a map of that height and width."""
    height, width = size
    for by, crops in shrinkings:
        height, width = (max(side // by, 1) if crops else -(-side // by) for side in (height, width))
    return height, width


def joined(steps: Iterable[Shrinking]) -> Shrinkings:
    """The fewest steps that make the same sizes: neighbours that round alike are one, and those by 1 are left out."""
    runs = itertools.groupby((step for step in steps if step.by > 1), key=lambda step: step.crops)
    return tuple(Shrinking(total(tuple(run)), crops) for crops, run in runs)


def between(source: Shrinkings, target: Shrinkings) -> Shrinkings:
    """The steps from a map of the sizes of ``source`` to one of the sizes of ``target``, both of them ``joined``.

    The target's maps are made of the source's, so its steps begin with those of the source.
    """
    if not source:
        return target
    place = len(source) - 1
    by, crops = target[place]
    return joined((Shrinking(by // source[place].by, crops), *target[place + 1 :]))
