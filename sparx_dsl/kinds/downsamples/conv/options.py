"""Options of the downsampling ``conv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from sparx_dsl.kinds.downsamples.conv.codes import REMAINDER_WITHOUT_PATCHES, STRIDE_OF_PATCHES
from sparx_dsl.language.base import EPSILON, Epsilon, NormName, Problem, Remainder, Site
from sparx_dsl.language.roles import DownsampleOptions
from sparx_dsl.language.shrinking import Shrinking, Shrinkings


class ConvDownsample(DownsampleOptions, frozen=True):
    """A strided convolution with a norm behind it or before it.

    It is 3×3 with padding 1, or 2×2 on a map that is padded to even sides; it has a bias unless a batch norm follows.
    """

    kind: Literal["conv"] = "conv"
    norm: NormName = "batch"
    """The norm behind the convolution."""
    kernel: Literal[2, 3] = 3
    """Side of the convolution's window in pixels."""
    norm_place: Literal["after", "before"] = "after"
    """Whether the norm comes after the convolution or before it."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""

    stride: Literal[1, 2, 4] = 2
    """By how much it shrinks each side; 1 changes the channels alone."""
    remainder: Remainder = "pad"
    """Whether a row and a column that fill no patch of 2×2 are padded with zeros, right and below, or left out."""

    later: ClassVar[frozenset[str]] = frozenset({"kernel", "norm_place", "eps", "stride", "remainder"})

    @property
    def total_stride(self) -> int:
        """That of the convolution."""
        return self.stride

    @property
    def shrinkings(self) -> Shrinkings:
        """That of the convolution; it rounds down where it crops."""
        return (Shrinking(self.stride, self.remainder == "crop"),)

    @property
    def bias(self) -> bool:
        """Whether the convolution has a bias."""
        return self.norm != "batch" or self.norm_place == "before"

    def problems(self, site: Site) -> Iterator[Problem]:
        """Patches of 2×2 do not overlap, and 3×3 convolutions have no patches to crop to."""
        del site
        if self.kernel == 2 and self.stride != 2:
            message = f"patches of 2×2 that do not overlap have the stride 2, got {self.stride}"
            yield Problem("stride", STRIDE_OF_PATCHES, message, "write stride: 2, or kernel: 3")
        if self.kernel != 2 and self.remainder == "crop":
            message = f"a {self.kernel}×{self.kernel} convolution reads the last row and column of every map"
            yield Problem("remainder", REMAINDER_WITHOUT_PATCHES, message, "remove remainder, or write kernel: 2")
