"""Options of the stem ``overlapping``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.base import EPSILON, Epsilon, NormName
from sparx_dsl.language.roles import StemOptions


class OverlappingStem(StemOptions, frozen=True):
    """One convolution over patches that overlap, padded by half its side, then a norm (PVTv2)."""

    kind: Literal["overlapping"] = "overlapping"
    size: Literal[5, 7, 9, 11] = 7
    """The side of a patch, in pixels."""
    step: Literal[2, 4] = 4
    """From a patch to the next, in pixels: the map is that many times smaller, rounded up."""
    norm: NormName = "layer"
    """The norm behind the convolution."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""

    @property
    def stride(self) -> int:
        """The convolution's stride."""
        return self.step
