"""Options of the fusion ``no_gcca``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.ratios import Ratio
from sparx_dsl.language.roles import FusionOptions


class NoGcca(FusionOptions, frozen=True):
    """The aggregator's query and value concatenated and fused by a Conv-FFN (SparX, section 4.4, "w/o GCCA").

    Query and value as in the aggregator, but the features give C channels, the value alone; then 1×1 2·C → ``ratio``·C,
    depthwise 3×3, GELU, 1×1 to the mixer's projection.
    """

    kind: Literal["no_gcca"] = "no_gcca"
    ratio: Ratio = 1
    """The hidden channels are ``ratio`` times the layer's."""
