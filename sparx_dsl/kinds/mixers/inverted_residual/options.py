"""Options of the token mixer ``inverted_residual``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.mixers.options import MapMixer, attention_channels
from sparx_dsl.language.ratios import Ratio, times


class InvertedResidual(MapMixer, frozen=True):
    """1×1, a depthwise convolution, squeeze-and-excitation, 1×1; BatchNorm behind each convolution, ReLU between."""

    kind: Literal["inverted_residual"] = "inverted_residual"
    kernel: Literal[3, 5, 7] = 3
    """Side of the depthwise convolution."""
    ratio: Ratio = 4
    """The hidden channels are this many times the layer's."""

    def hidden(self, channels: int) -> int:
        """The channels of the depthwise convolution."""
        return times(channels, self.ratio)

    def squeezed(self, channels: int) -> int:
        """The hidden channels of squeeze-and-excitation."""
        return attention_channels(self.hidden(channels))
