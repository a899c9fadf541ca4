"""Ratios of channels by fractions: one rule of rounding, whole numbers as they were."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.ratios import times
from sparx_dsl.search.canonical_form import fingerprint


@given(channels=st.integers(1, 65_536), ratio=st.decimals(1, 16, places=6))
def test_channels_are_rounded_down_in_decimals(channels: int, ratio: Decimal) -> None:
    """What is written is what counts, not the binary number closest to it; nothing falls below the channels."""
    found = times(channels, float(ratio))
    assert found == int((channels * ratio).to_integral_value(ROUND_FLOOR))
    assert found >= channels


@pytest.mark.parametrize(("channels", "ratio", "expected"), [(768, 2.6667, 2048), (100, 1.57, 157), (65, 1.5, 97)])
def test_channels_by_hand(channels: int, ratio: float, expected: int) -> None:
    """8/3 of 768; 1.57 of 100, where the product of floats is below 157; a half, which is left off."""
    assert times(channels, ratio) == expected


def spec_of(ratio: float, expand: float) -> dict[str, Any]:
    """A spec with these ratios."""
    layer = {"mixer": {"kind": "ss2d", "expand": expand}, "ffn": {"kind": "mlp", "ratio": ratio}}
    stages = [{"channels": 10, "depth": 2, "S": 1}]
    return {"sparx": 1, "name": "small", "stem": {"kind": "patch"}, "layer": {**layer, "fusion": {"kind": "concat"}},
            "stages": stages}  # fmt: skip


def test_whole_numbers_are_one_value_however_they_are_written() -> None:
    """2 and 2.0 are equal, dumped alike, and of one hash; 2.5 is another backbone."""
    whole, floats, other = (sparx_dsl.parse_spec(spec_of(*each)) for each in ((2, 1), (2.0, 1.0), (2.5, 1)))
    assert whole == floats
    assert sparx_dsl.dump_spec(whole) == sparx_dsl.dump_spec(floats)
    assert fingerprint(whole) == fingerprint(floats) != fingerprint(other)
    model = sparx_dsl.build(spec_of(2.55, 1.25), device="meta")
    assert model.state_dict()["stage1.layer1.ffn.ffn.expansion.weight"].shape[0] == 25
