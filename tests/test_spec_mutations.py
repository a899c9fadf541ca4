"""A valid spec with one mistake in it is charged at that mistake, and no number does anything but be right or wrong."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sparx_dsl
from tests.support.spec_mutations import NUMBERS, OPERATORS
from tests.support.spec_paths import dumped, keyed, value_at
from tests.support.strategies import spec_mappings
from tests.support.work import count_calls

MOST_CALLS = 100_000
"""The calls that a spec with one absurd number may take: a layer takes some forty, and there are at most 512."""


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=8)
@given(spec=spec_mappings(most_stages=3), data=st.data())
def test_one_mistake_is_charged_where_it_was_made(name: str, spec: dict[str, Any], data: st.DataObject) -> None:
    """The first diagnostic lies on the line that was changed, or on its parent's where a key was taken away."""
    operator = OPERATORS[name]
    targets = operator.targets(spec)
    assume(targets)
    mutant = operator.make(spec, data.draw(st.sampled_from(targets)))
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(mutant.text))
    first = caught.value.diagnostics[0]
    assert first.where.span is not None
    assert first.where.span.line in mutant.lines, f"{first}\n{mutant.text}"
    assert "SPX199" not in {mistake.code for mistake in caught.value.diagnostics}


@given(spec=spec_mappings(), data=st.data())
def test_several_mistakes_are_all_charged_in_the_order_of_the_text(spec: dict[str, Any], data: st.DataObject) -> None:
    """As many numbers as are spoilt, so many diagnostics, from top to bottom."""
    targets = keyed(*NUMBERS)(spec)
    spoilt = data.draw(st.lists(st.sampled_from(targets), unique=True, min_size=1, max_size=8))
    for path in spoilt:
        value_at(spec, path[:-1])[path[-1]] = -7
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(dumped(spec))
    charged = [mistake.where.span for mistake in caught.value.diagnostics]
    assert len(charged) == len(spoilt)
    assert charged == sorted(span for span in charged if span is not None)


def spec_or_diagnostics(given: str | dict[str, Any]) -> None:
    """Read a spec, which may be wrong."""
    with contextlib.suppress(sparx_dsl.SparxError):
        sparx_dsl.parse_spec(given)


@given(spec=spec_mappings(), data=st.data(), number=st.integers(-(2**70), 2**70) | st.integers(-2, 70_000))
def test_any_number_is_right_or_wrong_at_once(spec: dict[str, Any], data: Any, number: int) -> None:
    """Any integer in any numeric field gives a spec or a diagnostic, with little work."""
    path = data.draw(st.sampled_from(keyed(*NUMBERS, "layer_scale", "sparx")(spec)))
    value_at(spec, path[:-1])[path[-1]] = number
    for given_as in (dumped(spec), spec):
        assert count_calls(lambda given_as=given_as: spec_or_diagnostics(given_as)) < MOST_CALLS


@given(spec=spec_mappings(), data=st.data())
def test_any_value_anywhere_is_a_spec_or_a_diagnostic(spec: dict[str, Any], data: st.DataObject) -> None:
    """Values of every shape at every key never raise anything else, and never reach the fallback."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    anything = cast(
        "st.SearchStrategy[object]",
        st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)),
    )
    key = data.draw(st.sampled_from(sorted(spec)))
    inner = cast("dict[str, Any]", spec[key]) if isinstance(spec[key], dict) else {}
    if inner and data.draw(st.booleans()):
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(anything)
    else:
        spec[key] = data.draw(anything)
    codes: set[str] = set()
    try:
        sparx_dsl.connect(sparx_dsl.parse_spec(spec))
    except sparx_dsl.SparxError as error:
        codes = {mistake.code for mistake in error.diagnostics}
    assert "SPX199" not in codes
