"""Layers put into a spec and taken out, and what follows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, Spec
from sparx_dsl.language.spec import LayerEdit
from tests.support import strategies
from tests.support.backbones import TWO_STAGES
from tests.support.diagnostics import codes


def name_of(spec: Spec, stage: int) -> str:
    """The name of a stage; the stage by its 1-based position."""
    return spec.stages[stage - 1].name or f"stage{stage}"


def layer_names(spec: Spec, stage: int) -> list[str]:
    """The names of a stage's layers."""
    return [f"{name_of(spec, stage)}.layer{n}" for n in range(1, spec.stages[stage - 1].depth + 1)]


def without_rates(spec: Spec, stage: int) -> list[Any]:
    """The settings of a stage's layers, but for what depends on the depth: drop path, and the norm of the last one."""
    return [replace(layer, end_norm=False) for layer in spec.resolved[stage - 1].layers]


def renamed_links(spec: Spec, renames: Any, lost: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """The links of a spec under new names, but for those of a layer that is gone."""
    both = {"add": spec.links.add, "cut": spec.links.cut}
    return {
        key: [(renames.get(link.source, link.source), renames.get(link.target, link.target))
              for link in links if lost not in (link.source, link.target)]
        for key, links in both.items()
    }  # fmt: skip


@given(strategies.specs(), st.data())
def test_an_inserted_layer_moves_what_comes_after(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """All other layers keep their settings and links under their new names; the new layer has its stage's settings."""
    stage = data.draw(st.integers(1, len(spec.stages)))
    after = data.draw(st.integers(0, spec.stages[stage - 1].depth))
    edit = spec.insert_layer(name_of(spec, stage), after)
    old, new = layer_names(spec, stage), layer_names(edit.spec, stage)
    moved = [edit.renames.get(name, name) for name in old]
    assert set(edit.renames) == set(old[after:])
    assert moved == [name for name in new if name != f"{name_of(spec, stage)}.layer{after + 1}"]
    settings = without_rates(edit.spec, stage)
    fresh = settings.pop(after)
    assert settings == without_rates(spec, stage)
    assert fresh == without_rates(edit.spec.edit({f"stages.{stage}.layers": None}), stage)[after]
    assert renamed_links(edit.spec, {}) == renamed_links(spec, edit.renames)
    if (named := spec.stages[stage - 1].ganglion) is not None:
        assert edit.spec.stages[stage - 1].ganglion == tuple(n + (n > after) for n in named)


@given(strategies.specs(), st.data())
def test_inserting_and_removing_gives_the_spec_back(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """Taking the inserted layer out again gives an equal spec, and renames every layer back."""
    stage = data.draw(st.integers(1, len(spec.stages)))
    after = data.draw(st.integers(0, spec.stages[stage - 1].depth))
    there = spec.insert_layer(name_of(spec, stage), after)
    back = there.spec.remove_layer(name_of(spec, stage), after + 1)
    assert back.spec == spec
    assert {new: old for old, new in there.renames.items()} == dict(back.renames)


@given(strategies.specs(), st.data())
def test_a_removed_layer_takes_what_names_it_along(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """All other layers keep their settings and links; the renames lead onto exactly the layers that remain."""
    deep = [number for number, stage in enumerate(spec.stages, start=1) if stage.depth > 1]
    assume(deep)
    stage = data.draw(st.sampled_from(deep))
    number = data.draw(st.integers(1, spec.stages[stage - 1].depth))
    found = spec.stages[stage - 1]
    # A stride, a window or a list of one ganglion layer may not fit the shorter stage.
    assume(found.S != found.depth and found.M != found.depth and found.ganglion != (number,))
    edit = spec.remove_layer(name_of(spec, stage), number)
    old, lost = layer_names(spec, stage), f"{name_of(spec, stage)}.layer{number}"
    kept = [edit.renames.get(name, name) for name in old if name != lost]
    assert kept == layer_names(edit.spec, stage)
    assert lost not in edit.renames
    settings = without_rates(spec, stage)
    settings.pop(number - 1)
    assert without_rates(edit.spec, stage) == settings
    assert renamed_links(edit.spec, {}) == renamed_links(spec, edit.renames, lost)


@pytest.mark.parametrize(
    ("keys", "code", "path"),
    [
        ({"S": 2}, "SPX205", "stages.1.S"),
        ({"S": 1, "M": 2}, "SPX206", "stages.1.M"),
        ({"ganglion": [2]}, "SPX104", "stages.1.ganglion"),
    ],
)
def test_a_stage_that_would_not_fit_its_keys_keeps_its_layers(keys: dict[str, Any], code: str, path: str) -> None:
    """Where a stride, a window or a list does not fit the shorter stage, nothing is removed and the key is named."""
    spec = sparx_dsl.parse_spec(TWO_STAGES).edit({f"stages.1.{key}": value for key, value in keys.items()})
    with pytest.raises(SparxError) as caught:
        spec.remove_layer("stage1", 2)
    assert [(d.code, d.where.path) for d in caught.value.diagnostics] == [(code, path)]


def test_layers_of_a_named_stage_are_renamed_by_its_name() -> None:
    """A stage with a name of its own is addressed by it, and its layers are called by it."""
    edit = sparx_dsl.parse_spec(TWO_STAGES).insert_layer("deep", after=2)
    assert dict(edit.renames) == {"deep.layer3": "deep.layer4", "deep.layer4": "deep.layer5"}
    assert edit.spec.stages[1].depth == 5


EDITS: list[tuple[Callable[[Spec], LayerEdit], str]] = [
    (lambda spec: spec.insert_layer("deep", 5), "SPX130"),
    (lambda spec: spec.insert_layer("deep", -1), "SPX130"),
    (lambda spec: spec.remove_layer("deep", 0), "SPX131"),
    (lambda spec: spec.remove_layer("deep", 5), "SPX131"),
    (lambda spec: spec.edit({"stages.1.depth": 1}).remove_layer("stage1", 1), "SPX131"),
    (lambda spec: spec.insert_layer("stage2", 1), "SPX132"),
    (lambda spec: spec.remove_layer("dep", 1), "SPX132"),
]


@pytest.mark.parametrize(("call", "code"), EDITS)
def test_layers_that_are_not_there(call: Callable[[Spec], LayerEdit], code: str) -> None:
    """A place that the stage does not have, and a stage that the spec does not have, are refused with help."""
    with pytest.raises(SparxError) as caught:
        call(sparx_dsl.parse_spec(TWO_STAGES))
    assert codes(caught) == [code]
    if "dep" in caught.value.diagnostics[0].message:
        assert caught.value.diagnostics[0].help
