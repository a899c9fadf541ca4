"""What is recomputed within a budget: the cheapest choice, and features that are gathered again."""

from __future__ import annotations

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.lowering.budget import activation_bytes
from sparx_dsl.pricing import SavedPart, saved_parts
from sparx_dsl.pricing.recompute_choice import choose_recomputed, gathering, least_budget, whole_budget
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
