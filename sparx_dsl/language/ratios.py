"""Ratios of channels: how many times wider a kind is inside than its layer, also by fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema


def _whole(ratio: float) -> int | float:
    """2.0 as the integer 2, so that both are one value."""
    return int(ratio) if ratio == int(ratio) else ratio


Ratio = Annotated[
    int | float, Field(ge=1, le=16), AfterValidator(_whole),
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": 16}),
]  # fmt: skip
"""How many times the layer's channels a kind has inside."""
Expansion = Annotated[
    int | float, Field(ge=1, le=8), AfterValidator(_whole),
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": 8}),
]  # fmt: skip
"""How many times the layer's channels a scan runs over."""


def times(channels: int, ratio: int | float) -> int:
    """So many times the channels, rounded down as ``int`` does in timm and VMamba.

    The ratio is taken as it is written in decimals: 0.57 of 100 is 57, where a product of floats is 56.99….
    """
    return ratio * channels if isinstance(ratio, int) else int(Fraction(repr(ratio)) * channels)
