"""Options of the feed-forward network ``conv``."""

from __future__ import annotations

from typing import ClassVar, Literal

from sparx_dsl.language.base import DropRate
from sparx_dsl.language.ratios import Ratio
from sparx_dsl.language.roles import FfnOptions


class ConvFfn(FfnOptions, frozen=True):
    """1×1 C → ``ratio``·C, a residual depthwise 3×3, GELU, 1×1 back to C; biases in all (SparX-Mamba)."""

    kind: Literal["conv"] = "conv"
    ratio: Ratio = 4
    """The hidden channels are ``ratio`` times the layer's."""
    dropout: DropRate = 0.0
    """Rate of dropout behind the activation and behind the second 1×1 convolution, in training (Swin)."""

    later: ClassVar[frozenset[str]] = frozenset({"dropout"})
