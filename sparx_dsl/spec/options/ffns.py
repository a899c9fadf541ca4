"""Options of the feed-forward networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions


class FfnOptions(KindOptions, frozen=True):
    """What every feed-forward network has: the layer's channels in and out."""


class Mlp(FfnOptions, frozen=True):
    """1×1 C → ``ratio``·C, GELU, 1×1 back to C; biases in both (Swin, VMamba)."""

    kind: Literal["mlp"] = "mlp"
    ratio: Annotated[int, Field(ge=1, le=16)] = 4


class ConvFfn(FfnOptions, frozen=True):
    """1×1 C → ``ratio``·C, a residual depthwise 3×3, GELU, 1×1 back to C; biases in all (SparX-Mamba)."""

    kind: Literal["conv"] = "conv"
    ratio: Annotated[int, Field(ge=1, le=16)] = 4


class NoFfn(FfnOptions, frozen=True):
    """No feed-forward network: the layer ends with its token mixer."""

    kind: Literal["none"] = "none"
