"""Spaces that tie very many combinations of values together: answered soon, by tables, by samples, or by an error."""

from __future__ import annotations

import pytest

import sparx_dsl
from sparx_dsl.search import parse_space
from tests.campaign.short_spaces import DEEP, many, space_of


def refusal(text: str) -> sparx_dsl.Diagnostic:
    """The first error of a space."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        parse_space(text)
    return caught.value.diagnostics[0]


def test_conditions_on_too_many_values_are_an_error_at_the_first_choice_beyond() -> None:
    """Asked of whole points they would leave no sample valid."""
    choices = "a: {at: stages.1.channels, from: 1, to: 8192}\n" + many(
        60, lambda n: f"c{n}: {{at: stages.1.depth, values: [1, 2], when: {{a: [{n}]}}}}"
    )
    error = refusal(space_of(choices))
    assert error.code == "SPX003"
    assert "up to c21, which depends on a, conditions tie 516,096 combinations" in error.message
    assert error.where.span is not None
    assert error.where.span.line == 3 + 1 + 21  # what comes before the choices, a, and c1 to c21


def test_many_values_over_a_large_base_are_an_error() -> None:
    """Each of them is refused by itself, for which it would be checked with the whole base around it."""
    layers = ", ".join(f"{number}: {{dpe: false, norm: layer}}" for number in range(1, 513))
    stage = f"{{channels: 8, depth: 512, layers: {{{layers}}}}}"
    values = ", ".join(map(str, range(2, 9001)))
    error = refusal(space_of(f"stages.1.layer.norm_eps: [{values}]", stage))
    assert error.code == "SPX003"
    assert "8,999 values are laid over a base of" in error.message


@pytest.mark.parametrize(
    "choices",
    [
        "stages.*.layers.*.norm_eps: {from: 0.0001, to: 0.9999, step: 0.0001}",
        "t: {at: stages.*.layers.*.norm_eps, from: 0.0001, to: 0.9999, step: 0.0001}",
        "t: {at: {stages.*.layers.*.norm_eps: {from: 0.0001, to: 0.9999, step: 0.0001}}}",
        "stages.*.layers.*.dpe: [true, false]\nstages.*.layers.*.norm: [group, layer, rms, batch]\n"
        "stages.*.layers.*.norm_place: [pre, post]\nstages.*.layers.*.norm_eps: {from: 0.01, to: 0.1, step: 0.01}",
    ],
)
def test_values_for_very_many_keys_are_an_error(choices: str) -> None:
    """They are counted before they are laid anywhere: a line can write ten million values."""
    error = refusal(space_of(choices, f"{DEEP}, {DEEP}"))
    assert error.code == "SPX003"
    assert error.message.endswith("values to keys: more than 16,384")


def test_what_has_no_table_is_asked_of_samples() -> None:
    """Widths of many stages fit together pair by pair: too many pairs for tables, and every sample is valid."""
    stages = ", ".join(["{channels: 8, depth: 2, S: 2}"] * 6)
    space = parse_space(space_of("stages.*.channels: {from: 4, to: 2400, step: 4}", stages))
    assert not space.exact
    for seed in range(3):
        point = space.sample(seed)
        assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(space.spec(point))) == space.spec(point)


def test_layers_that_are_alike_are_tried_once() -> None:
    """A deep stage of one kind has the points of a shallow one."""
    shallow, deep = (
        parse_space(space_of("stages.1.channels: {from: 1, to: 64}", stage))
        for stage in ("{channels: 8, depth: 2, S: 2}", DEEP)
    )
    assert deep.exact
    assert deep.count == shallow.count
