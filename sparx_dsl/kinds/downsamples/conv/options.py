"""Options of the downsampling ``conv``."""

from __future__ import annotations

from typing import ClassVar, Literal

from sparx_dsl.language.base import EPSILON, Epsilon, NormName
from sparx_dsl.language.roles import DownsampleOptions


class ConvDownsample(DownsampleOptions, frozen=True):
    """A convolution of stride 2 with a norm behind it or before it.

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

    later: ClassVar[frozenset[str]] = frozenset({"kernel", "norm_place", "eps"})

    @property
    def bias(self) -> bool:
        """Whether the convolution has a bias."""
        return self.norm != "batch" or self.norm_place == "before"
