"""How deep a text may nest is our limit alone, wherever a parser's scanner stops and whatever it meets further on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.errors import SparxError
from sparx_dsl.reader.compose import FAST_LOADER, compose_events
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.yaml_text import read_text

LOADERS = pytest.mark.parametrize("loader", [FAST_LOADER, yaml.SafeLoader])
OPENERS = ["[", "[1, ", "[ ", "[\n", "{a: ", '{"a": ', "{a:\n", "- "]
TAILS = ["", "]", "}", "x", "@", "'", '"', '"\\q"', "\t", "&", "a: b: c", ", ,", "!!x [", "%", "\n---\n", "1" * 5000]


def check_refused_at(text: str, place: int, limits: Limits, loader: type[Any]) -> None:
    """Reading stops for the depth, at that index."""
    with pytest.raises(SparxError) as caught:
        compose_events(read_text(text, "t.yaml", limits), limits, loader)
    mistake = caught.value.diagnostics[-1]
    span = mistake.where.span
    assert mistake.code == "SPX002"
    assert span is not None
    assert (span.line, span.column) == (text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place))


@LOADERS
@given(depth=st.integers(1, 200), opener=st.sampled_from(OPENERS), more=st.integers(1, 50), tail=st.sampled_from(TAILS))
def test_one_level_too_many(loader: type[Any], depth: int, opener: str, more: int, tail: str) -> None:
    """It is refused at its bracket or dash, however many follow it and whatever stands behind them."""
    check_refused_at(opener * (depth + more) + tail, len(opener) * depth, Limits(depth=depth), loader)


@LOADERS
@pytest.mark.parametrize("count", [999, 1000, 1001, 1100])
@pytest.mark.parametrize("opener", OPENERS)
def test_levels_beyond_the_limit_of_a_parser(opener: str, count: int, loader: type[Any]) -> None:
    """libyaml, from 0.2.6 on, refuses by itself what nests more than a thousand levels deep."""
    check_refused_at(opener * count, len(opener) * 64, Limits(), loader)
