"""Options of the downsampling ``merge``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.base import NormName
from sparx_dsl.language.roles import DownsampleOptions


class MergeDownsample(DownsampleOptions, frozen=True):
    """Patches of 2×2 concatenated to 4C channels, a norm, and a linear layer without bias (Swin)."""

    kind: Literal["merge"] = "merge"
    norm: NormName = "layer"
    """The norm before the linear layer."""
