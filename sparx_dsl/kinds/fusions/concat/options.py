"""Options of the fusion ``concat``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.ratios import Ratio
from sparx_dsl.language.roles import FusionOptions


class ConcatFusion(FusionOptions, frozen=True):
    """Concatenation of the input and the features, fused by a Conv-FFN (SparX, section 4.4, "Concat").

    1×1 (1 + L)·C → ``ratio``·C, depthwise 3×3, GELU, 1×1 to the mixer's projection; biases everywhere.
    """

    kind: Literal["concat"] = "concat"
    ratio: Ratio = 2
    """The hidden channels are ``ratio`` times the layer's."""
