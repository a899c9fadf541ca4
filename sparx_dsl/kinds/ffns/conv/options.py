"""Options of the feed-forward network ``conv``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.language.roles import FfnOptions


class ConvFfn(FfnOptions, frozen=True):
    """1×1 C → ``ratio``·C, a residual depthwise 3×3, GELU, 1×1 back to C; biases in all (SparX-Mamba)."""

    kind: Literal["conv"] = "conv"
    ratio: Annotated[int, Field(ge=1, le=16)] = 4
    """The hidden channels are ``ratio`` times the layer's."""
