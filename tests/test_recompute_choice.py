"""What is recomputed within a budget: the cheapest choice, and features that are gathered again."""

from __future__ import annotations

import copy
from bisect import bisect_left

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.inference.passes.base import replace as exchange
from sparx_dsl.lowering.budget import activation_bytes
from sparx_dsl.pricing import SavedPart, saved_parts
from sparx_dsl.pricing.recompute_choice import (
    MOST_STATES,
    Kept,
    choose_recomputed,
    gathering,
    least_budget,
    rounded,
    whole_budget,
)
from tests.support.backbones import mixed
from tests.support.training_steps import images_of, saved_bytes, step

numbers = st.integers(0, 30)
parts_drawn = st.lists(
    st.tuples(numbers, st.integers(0, 9), st.integers(0, 9), numbers, numbers), min_size=1, max_size=6
)


def peak_of(parts: list[SavedPart], recomputed: set[str]) -> int:
    """The most bytes held while backward walks over the parts from the last to the first, by a replay of it."""
    held: dict[str, int] = {}
    for part in parts:
        freed = part.inner if part.module in recomputed else 0
        freed += part.gathered if gathering(part.module) in recomputed else 0
        held[part.module] = part.between + part.inner - freed
    most = sum(held.values())
    for part in reversed(parts):
        held[part.module] = part.between + part.inner
        most = max(most, sum(held.values()))
        del held[part.module]
    return most


@settings(deadline=None)
@given(drawn=parts_drawn, share=st.floats(0, 1.2))
def test_the_choice_is_the_cheapest(drawn: list[tuple[int, int, int, int, int]], share: float) -> None:
    """Of all choices whose replay keeps to the budget, that which is made costs least, if there is any.

    A part is kept, run again, or run again with features that are gathered again, where it has some.
    """
    parts = [SavedPart(f"layer{place}.fusion", one[0], one[1] + one[2], one[2]) for place, one in enumerate(drawn)]
    costs = [(run, gather) for *_, run, gather in drawn]
    budget = int(share * whole_budget(parts))
    choices: list[tuple[set[str], int]] = [(set(), 0)]
    for part, (run, gather) in zip(parts, costs, strict=True):
        again = {part.module}
        both = [(again | {gathering(part.module)}, run + gather)] if part.gathered else []
        choices = [(chosen | more, cost + added)
                   for chosen, cost in choices for more, added in ((set[str](), 0), (again, run), *both)]  # fmt: skip
    fitting = [cost for chosen, cost in choices if peak_of(parts, chosen) <= budget]
    found = choose_recomputed(parts, costs, budget)
    assert (found is None) == (not fitting) == (budget < least_budget(parts))
    if found is not None:
        assert peak_of(parts, set(found)) <= budget
        assert {frozenset(chosen): cost for chosen, cost in choices}[frozenset(found)] == min(fitting)


DENSE = """
sparx: 1
name: dense
input: {size: 32}
stem: {kind: patch}
layer: {mixer: {kind: depthwise, kernel: 3}, fusion: {kind: concat}, norm: batch}
stages: [{channels: 16, depth: 6, S: 1, M: all}]
head: {kind: linear, classes: 10}
"""


def test_features_are_gathered_again() -> None:
    """A dense backbone trains within less than all its concatenations, which are not held between the passes."""
    model = sparx_dsl.build(DENSE)
    least, _ = activation_bytes(model, 2)
    copies = sum(16 * count * 8 * 8 * 4 * 2 for count in range(2, 6))
    assert sum(part.gathered for part in saved_parts(sparx_dsl.plan(DENSE, batch=2))) == copies
    tight, images = sparx_dsl.recompute(model, least, 2), images_of(model, 2)
    again = {path for path in tight.recomputed if path.endswith(".gather")}
    assert again
    assert "regathered_part" in tight.code
    held = sparx_dsl.recompute(copy.deepcopy(model), least, 2)
    for layer in (module for module in held.modules() if isinstance(module, sparx_dsl.Layer)):
        layer.recomputed -= {"gather"}
    freed = saved_bytes(held, images) - saved_bytes(tight, images)
    names = {path.rpartition(".")[0] for path in again}
    assert freed == sum(part.gathered for part in saved_parts(sparx_dsl.plan(DENSE, batch=2))
                        if part.module.rpartition(".")[0] in names)  # fmt: skip
    expected, found = step(copy.deepcopy(model), images), step(tight, images)
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


@given(n=st.integers(MOST_STATES + 1, MOST_STATES + 300), stride=st.integers(1, 2**40), left=st.integers(0, 2**40))
def test_too_many_sums_of_bytes_are_rounded_up(n: int, stride: int, left: int) -> None:
    """To no more than there may be, none of them by a whole part of the budget, and each the cheapest of its bytes."""
    states: list[Kept] = [(place * stride, n - place, (str(place), None)) for place in range(n)]
    budget = (n - 1) * stride + left
    found = rounded(states, budget)
    assert len(found) <= MOST_STATES + 1
    step = budget / MOST_STATES
    exact = {chain: (held, cost) for held, cost, chain in states}
    assert all(exact[chain][1] == cost for _, cost, chain in found)
    assert all(0 <= held - exact[chain][0] < step + 1 for held, _, chain in found)
    cheapest = {held: cost for held, cost, _ in found}
    assert len(cheapest) == len(found)
    places = sorted(cheapest)
    assert all(cheapest[places[bisect_left(places, held)]] <= cost for held, cost, _ in states)


def test_few_sums_of_bytes_stay_exact() -> None:
    """As many as there may be are not rounded."""
    states: list[Kept] = [(place, MOST_STATES - place, None) for place in range(MOST_STATES)]
    assert rounded(states, 10 * MOST_STATES) == states


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"activation_budget": 1000}, "SPX325"),
        ({"activation_budget": "much"}, "SPX325"),
        ({"activation_budget": -1}, "SPX325"),
        ({"activation_budget": "1GiB", "deploy": True}, "SPX326"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, object], code: str) -> None:
    """A budget too small, one that is no amount, and one for inference are refused with a code."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.build(mixed(), **arguments)  # pyright: ignore[reportArgumentType]
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_a_refusal_says_what_would_do() -> None:
    """The bytes named in the message are enough, and one fewer is not."""
    model = sparx_dsl.build(mixed())
    least, _ = activation_bytes(model, 3)
    assert sparx_dsl.recompute(model, least, 3).recomputed
    with pytest.raises(SparxError, match=f"{least:,}"):
        sparx_dsl.recompute(model, least - 1, 3)


def test_a_deployed_backbone_has_no_budget() -> None:
    """A backbone for inference saves nothing, and says so."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.recompute(sparx_dsl.build(mixed(), deploy=True), "1GiB")
    assert [each.code for each in caught.value.diagnostics] == ["SPX326"]


def test_exchanged_layers_are_refused() -> None:
    """What a user has put in a layer's place would be lost, and is not lost in silence."""
    model = sparx_dsl.build(mixed())
    exchange(model, "stage2.layer1", nn.Sequential(model.get_submodule("stage2.layer1")))
    with pytest.raises(SparxError, match=r"after stage2\.layer1 was replaced") as caught:
        sparx_dsl.recompute(model, "1GiB")
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]
