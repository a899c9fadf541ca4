"""The images that a file is for: what is traced, and what it is run with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim

from sparx_dsl.exporting.formats import BATCH, SIDES, Format

LARGEST = 2048
"""The largest dynamic side in pixels, unless the size that is asked for is larger."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One file to write: its path, its format, and the images that it is for.

    ``size`` is (height, width) in pixels. A dynamic ``batch`` is any number of images, otherwise it is that one; a
    dynamic height or width is any multiple of ``stride`` from twice that to ``largest``. ``finest`` is the least stride
    of a stage.
    """

    path: Path
    format: Format
    channels: int
    size: tuple[int, int]
    batch: int
    dynamic: tuple[str, ...]
    stride: int
    finest: int

    @property
    def batches(self) -> tuple[int, ...]:
        """The numbers of images with which the file is run."""
        return tuple(sorted({1, 3, self.batch})) if BATCH in self.dynamic else (self.batch,)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The sizes of images, (height, width), with which the file is run: of a dynamic side also a small one."""
        small = (3 * self.stride, 2 * self.stride)
        other = tuple(
            least if side in self.dynamic else given for side, least, given in zip(SIDES, small, self.size, strict=True)
        )
        return tuple(dict.fromkeys((self.size, (other[0], other[1]))))

    @property
    def largest(self) -> int:
        """The largest dynamic side in pixels: a multiple of the stride."""
        return max(LARGEST, *self.size) // self.stride * self.stride

    @property
    def multiples(self) -> range:
        """What a dynamic side can be in pixels."""
        return range(2 * self.stride, self.largest + 1, self.stride)

    @property
    def longest(self) -> int:
        """The most positions that a map of a stage can have."""
        sides = (self.largest if side in self.dynamic else size for side, size in zip(SIDES, self.size, strict=True))
        height, width = (-(-side // self.finest) for side in sides)
        return height * width

    def samples(self) -> list[torch.Tensor]:
        """Random images (batch, channels, height, width) of each number and size with which the file is run."""
        return [self.images(batch, size) for size, batch in product(self.sizes, self.batches)]

    def images(self, batch: int, size: tuple[int, int]) -> torch.Tensor:
        """Random images (batch, channels, height, width), the same in each call."""
        generator = torch.Generator().manual_seed(batch)
        return torch.randn(batch, self.channels, *size, generator=generator)

    def traced(self) -> tuple[torch.Tensor, Any]:
        """Images (batch, channels, height, width) to trace with, and which of their dimensions are dynamic, or None."""
        if not self.dynamic:
            return self.images(self.batch, self.size), None
        dims: dict[int, Any] = {}
        if BATCH in self.dynamic:
            dims[0] = Dim(BATCH, min=1)
        for place, side in enumerate(SIDES, start=2):
            if side in self.dynamic:
                dims[place] = self.stride * Dim(f"{side}_strides", min=2, max=self.largest // self.stride)
        # A traced dimension of one would be taken for a constant.
        batch = max(self.batch, 2) if BATCH in self.dynamic else self.batch
        return self.images(batch, self.sizes[-1]), (dims,)
