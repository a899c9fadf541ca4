"""Options of the downsampling ``conv``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.base import NormName
from sparx_dsl.language.roles import DownsampleOptions


class ConvDownsample(DownsampleOptions, frozen=True):
    """3×3 convolution of stride 2 and padding 1, then a norm; it has a bias unless the norm is ``batch``."""

    kind: Literal["conv"] = "conv"
    norm: NormName = "batch"
    """The norm behind the convolution."""
