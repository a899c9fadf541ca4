"""What a schedule gives: maps that are asked for by numbers and names of any type, and those of another graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.dtypes import DType
from sparx_dsl.schedule import replanned
from tests.support import strategies

TWO_STAGES: dict[str, Any] = {
    "sparx": 1,
    "name": "two_stages",
    "input": {"channels": 3, "size": 16},
    "stem": {"kind": "patch", "size": 2},
    "layer": {"mixer": {"kind": "window_attention", "heads": 1}},
    "stages": [{"channels": 8, "depth": 2}, {"channels": 8, "depth": 1}],
    "head": {"kind": "linear", "classes": 10},
}


@pytest.mark.parametrize(
    ("wanted", "meant", "given"),
    [
        ("stem", "stem", "stem"), ("stage1.layer1", "stage1.layer1", "stage1.layer1"),
        ("stage1.layer2", 1, "stage1.layer2"), ("stage1", 1, "stage1.layer2"), (1, 1, "stage1.layer2"),
        (-2, 1, "stage1.layer2"), ("stage2.layer1", 2, "stage2.layer1"), ("stage2", 2, "stage2.layer1"),
        (2, 2, "stage2.layer1"), (-1, 2, "stage2.layer1"), ("head", "head", "head"),
    ],
)  # fmt: skip
def test_every_way_to_name_a_map(wanted: int | str, meant: int | str, given: str) -> None:
    """The stem, each layer, the head's result, and a stage by either number, its name or its last layer."""
    schedule = sparx_dsl.plan(TWO_STAGES, features=[wanted])
    assert (schedule.features, schedule.outputs) == ((meant,), (given,))


@pytest.mark.parametrize("wanted", ["stage1.layer0", "stage1.layer3", "stage2.layer2", "stage3", 0, 3, -3])
def test_what_lies_beyond_a_stage_or_the_last_is_no_map(wanted: int | str) -> None:
    """Layers and stages are counted from 1 to how many there are."""
    with pytest.raises(sparx_dsl.SparxError, match="unknown feature"):
        sparx_dsl.plan(TWO_STAGES, features=[wanted])


@pytest.mark.parametrize("number", [1, 2, -1, -2])
def test_a_stage_s_number_may_be_of_any_type_that_holds_one_integer(number: int) -> None:
    """An integer of numpy, and an array or a tensor of one, mean the integer in them."""
    plain = sparx_dsl.plan(TWO_STAGES, features=[number])
    held = (np.int64(number), np.array(number), np.array([number]), torch.tensor(number), torch.tensor([number]))
    for each in held:
        features: Any = [each]
        assert sparx_dsl.plan(TWO_STAGES, features=features) == plain


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (np.array([1, 2]), "[1 2]"),
        (torch.tensor([1, 2]), "tensor([1, 2])"),
        (np.array([]), "[]"),
        (np.float64(1), "1.0"),
        (np.True_, "True"),
    ],
)
def test_an_array_of_several_numbers_is_no_stage(number: object, shown: str) -> None:
    """Neither is one of none, a fraction, or a truth value: each is refused, and shown as it was given."""
    features: Any = [number]
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.plan(TWO_STAGES, features=features)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["SPX322"]
    assert f'unknown feature "{shown}"' in caught.value.diagnostics[0].message


@given(
    strategies.specs(),
    st.tuples(st.integers(1, 61), st.integers(1, 61)),
    st.integers(1, 3),
    st.sampled_from(["float64", "float32", "bfloat16", "float16"]),
    st.data(),
)
def test_another_graph_is_planned_for_the_same_request(
    spec: sparx_dsl.Spec, size: tuple[int, int], batch: int, dtype: DType, data: st.DataObject
) -> None:
    """Images, dtype and outputs stay as they were, whatever they are, and the graph is the other."""
    features = data.draw(st.none() | st.just([1]))
    other = sparx_dsl.connect(spec)
    schedule = replanned(sparx_dsl.plan(TWO_STAGES, size, batch, dtype, features), other)
    assert schedule.graph is other
    assert schedule == sparx_dsl.plan(spec, size, batch, dtype, features)
