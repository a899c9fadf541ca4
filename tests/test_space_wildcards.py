"""Keys with wildcards: what they stand for is taken as far as it fits, and what is left out is said."""

from __future__ import annotations

import pickle

import pytest

import sparx_dsl
from sparx_dsl import Space, SparxError


def around(**choices: object) -> Space:
    """A space around the published model, whose first stage has no ganglion layers."""
    return sparx_dsl.make_space(sparx_dsl.load_spec("sparx_mamba_t"), {key: choices[key] for key in choices})


def messages(space: Space) -> list[str]:
    """What the space says was left out."""
    return [str(one) for one in space.left_out]


def test_choices_that_fit_nowhere_are_left_out() -> None:
    """A window needs ganglion layers, which the first stage has not."""
    space = around(**{"stages.*.M": [1, 2, "all"]})
    assert [choice.name for choice in space.choices] == ["stages.2.M", "stages.3.M", "stages.4.M"]
    assert messages(space) == ["stages.*.M leaves out stages.1.M: M has no effect: stage 1 has no ganglion layers"]
    assert {space.spec(space.point(number)).stages[0].M for number in range(space.count)} == {None}
    assert pickle.loads(pickle.dumps(space)).left_out == space.left_out  # noqa: S301


def test_values_that_fit_nowhere_are_said_once_for_all_stages() -> None:
    """A stride longer than the stages of two layers."""
    space = around(**{"stages.*.S": [1, 2, 3]})
    assert messages(space) == [
        "stages.*.S leaves out 3 for stages.1.S, stages.2.S, stages.4.S: "
        "stage 1 has 2 layers, fewer than the stride S = 3"
    ]
    assert space.count == 2 * 2 * 3 * 2


def test_layers_that_no_point_has_are_left_out() -> None:
    """Whether or not a depth is chosen: a choice of a layer that is not there would count every backbone twice."""
    base = sparx_dsl.parse_spec({
        "sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
        "stages": [{"channels": 8, "depth": 2}, {"channels": 8, "depth": 1}],
    })  # fmt: skip
    said = "stages.*.layers.2.dpe leaves out stages.2.layers.2.dpe: layer 2 is out of range: stage 2 has only layer 1"
    for more, count in (({}, 2), ({"stages.1.depth": [1, 2]}, 3)):
        space = sparx_dsl.make_space(base, {"stages.*.layers.2.dpe": [True, False], **more})
        assert (space.count, messages(space)) == (count, [said])


def test_ties_may_repeat_a_value_of_one_key() -> None:
    """Rows are what differs; equal ones are refused."""
    made = around(tie={"at": {"stages.1.channels": [64, 96, 128], "stages.1.depth": [1, 1, 2]}})
    assert made.count == 3
    with pytest.raises(SparxError, match=r"tie lists \[64, 1\] twice"):
        around(tie={"at": {"stages.1.channels": [64, 96, 64], "stages.1.depth": [1, 1, 1]}})


def test_what_fits_everywhere_leaves_nothing_out() -> None:
    """Nor do ranges of one key, whose values may fit in part."""
    assert messages(around(**{"stages.*.depth": [3, 4], "stages.4.channels": {"from": 512, "to": 516}})) == []


@pytest.mark.parametrize(
    "choices",
    [
        {"stages.*.M": [9]},
        {"stages.*.M": [1, 2], "stages.4.depth": {"values": [2, 3], "when": {"stages.1.M": 1}}},
    ],
)
def test_what_cannot_be_left_out_is_an_error(choices: dict[str, object]) -> None:
    """A key that fits in no stage at all, and a choice that another one depends on."""
    with pytest.raises(SparxError, match="SPX720"):
        around(**choices)
