"""The four paths of ``continuous_ss2d`` over a map, and the direction of every step.

The first goes by rows, from left to right and from right to left in turn, the second is the first from its end, and the
other two go by columns in the same way.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

START, RIGHT, LEFT, UP, DOWN = range(5)
"""How a path comes to a position; it starts at one."""
DIRECTIONS: Final = 5
PATHS: Final = 4


def paths(height: int, width: int, device: torch.device) -> Tensor:
    """Where the steps of every path are on a map: (height · width, 4), as row · width + column."""
    by_rows, by_columns = _turning(height, width, device), _turning(width, height, device)
    across = by_columns % height * width + by_columns // height
    return torch.stack([by_rows, by_rows.flip(0), across, across.flip(0)], dim=1)


def steps_of(height: int, width: int, device: torch.device) -> Tensor:
    """Which step of every path is at a position: (height · width, 4), the inverse of ``paths``."""
    places = torch.arange(height * width, device=device)
    # Turning every other line round is its own inverse.
    by_rows = _turning(height, width, device)
    by_columns = _turning(width, height, device)[places % width * height + places // width]
    last = height * width - 1
    return torch.stack([by_rows, last - by_rows, by_columns, last - by_columns], dim=1)


def directions(height: int, width: int, device: torch.device) -> Tensor:
    """How every path comes to the position of each step: (height · width, 4) of the numbers above."""
    there, back = _moves(height, width, (RIGHT, LEFT, DOWN, UP), device)
    down, up = _moves(width, height, (DOWN, UP, RIGHT, LEFT), device)
    return torch.stack([there, back, down, up], dim=1)


def _turning(lines: int, length: int, device: torch.device) -> Tensor:
    """Line by line, every other from its end: (lines · length,) of line · length + place."""
    steps = torch.arange(lines * length, device=device)
    place = steps % length
    return steps + (length - 1 - 2 * place) * (steps // length % 2)


def _moves(lines: int, length: int, names: tuple[int, int, int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """How such a path, and the one from its end, come to each of their steps: both (lines · length,).

    The names are of moves along even lines, along odd ones, to the next line and to the one before.
    """
    even, odd, onwards, before = names
    steps = torch.arange(lines * length, device=device)
    place, turned = steps % length, steps // length % 2
    there = torch.where(place == 0, onwards, even + turned * (odd - even))
    back = torch.where(place == length - 1, before, odd + turned * (even - odd))
    return torch.where(steps == 0, START, there), torch.where(steps == lines * length - 1, START, back).flip(0)
