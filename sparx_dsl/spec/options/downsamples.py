"""Options of the downsamplings: how one stage's last feature becomes the next one's input, at half the size."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.spec.options.base import KindOptions, NormName


class DownsampleOptions(KindOptions, frozen=True):
    """What every downsampling has: it halves each side, rounded up."""


class ConvDownsample(DownsampleOptions, frozen=True):
    """3×3 convolution of stride 2 and padding 1, then a norm; it has a bias unless the norm is ``batch``."""

    kind: Literal["conv"] = "conv"
    norm: NormName = "batch"


class MergeDownsample(DownsampleOptions, frozen=True):
    """Patches of 2×2 concatenated to 4C channels, a norm, and a linear layer without bias (Swin)."""

    kind: Literal["merge"] = "merge"
    norm: NormName = "layer"
