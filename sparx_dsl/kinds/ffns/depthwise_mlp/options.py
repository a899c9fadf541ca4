"""Options of the feed-forward network ``depthwise_mlp``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.ratios import Ratio
from sparx_dsl.language.roles import FfnOptions


class DepthwiseMlp(FfnOptions, frozen=True):
    """1×1 C → ``ratio``·C, a depthwise 3×3, GELU, 1×1 back to C; biases in all, no residual within (PVTv2)."""

    kind: Literal["depthwise_mlp"] = "depthwise_mlp"
    ratio: Ratio = 4
    """The hidden channels are ``ratio`` times the layer's."""
    relu: bool = False
    """Whether a ReLU stands before the depthwise convolution (PVTv2 with ``reduction: pool``)."""
