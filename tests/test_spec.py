"""Specs as values: round trips, edits, layers put in and taken out."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pydantic
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, Spec
from sparx_dsl.language.resolve import choices, drop_path_rates
from sparx_dsl.language.spec import LayerEdit
from tests.support import strategies
from tests.support.paths import SPECS

BASE = """\
sparx: 1
name: base
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 8, depth: 2}
  - {name: deep, channels: 16, depth: 4, S: 2}
head: {kind: linear, classes: 10}
"""


def codes(error: pytest.ExceptionInfo[SparxError]) -> list[str]:
    return [diagnostic.code for diagnostic in error.value.diagnostics]


# Values.


@given(strategies.specs())
def test_a_dumped_spec_reads_back_as_the_same(spec: sparx_dsl.Spec) -> None:
    """``parse_spec(dump_spec(s))`` equals s, has its hash, prints alike, and dumps to the same text again."""
    text = sparx_dsl.dump_spec(spec)
    again = sparx_dsl.parse_spec(text)
    assert again == spec
    assert hash(again) == hash(spec)
    assert repr(again) == repr(spec)
    assert sparx_dsl.dump_spec(again) == text


@given(strategies.spec_mappings())
def test_a_spec_writes_down_what_was_given(mapping: dict[str, Any]) -> None:
    """No default slips into what is written, and nothing that was given is lost."""
    assert sparx_dsl.parse_spec(mapping).written() == as_written(mapping)


def as_written(mapping: dict[str, Any]) -> dict[str, Any]:
    """A drawn mapping with its sizes as the spec writes them."""
    size: Any = mapping["input"]["size"]
    short: Any = size if isinstance(size, int) or size[0] != size[1] else size[0]
    stages = [{k: tuple(v) if k == "ganglion" else v for k, v in stage.items()} for stage in mapping["stages"]]
    links: dict[str, Any] = {"links": {k: tuple(v) for k, v in mapping["links"].items()}} if "links" in mapping else {}
    head = {k: tuple(v) if k == "pools" else v for k, v in mapping["head"].items()}
    return {**mapping, "input": {**mapping["input"], "size": short}, "stages": tuple(stages), **links, "head": head}


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_zoo_round_trips(path: Path) -> None:
    """Every spec of the zoo, extended or not, stands by itself once dumped, and is named as its file."""
    spec = sparx_dsl.load_spec(path)
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec
    assert spec.name == path.stem


@given(strategies.specs(), strategies.specs())
def test_specs_are_equal_where_their_texts_are(one: sparx_dsl.Spec, other: sparx_dsl.Spec) -> None:
    """Two specs are equal exactly where every value is."""
    assert (one == other) == (one.model_dump() == other.model_dump())


@given(strategies.specs())
def test_a_spec_cannot_be_changed(spec: sparx_dsl.Spec) -> None:
    """Assignment raises, in the spec and in everything inside it."""
    first = spec.stages[0]
    for owner, field in (
        (spec, "name"),
        (spec.stem, "norm"),
        (first, "depth"),
        (spec.input, "size"),
        (spec.layer, "dpe"),
    ):
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            setattr(owner, field, None)
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", spec.stages), 0, first)
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", first.layers), 1, spec.layer)


@given(strategies.spec_mappings())
def test_equal_specs_have_one_hash(mapping: dict[str, Any]) -> None:
    """The order of overrides and the sign of zero make no other spec, and no other hash."""
    flipped = [{**s, "layers": dict(reversed(s["layers"].items()))} if "layers" in s else s for s in mapping["stages"]]
    signed = {"drop_path": -mapping["drop_path"]} if mapping.get("drop_path") == 0 else {}
    one, other = sparx_dsl.parse_spec(mapping), sparx_dsl.parse_spec({**mapping, "stages": flipped, **signed})
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("name", ["y", "n", "yes", "no", "on", "off", "true", "null", "e1", "x"])
def test_names_that_yaml_mistakes_are_quoted(name: str) -> None:
    """A name that some YAML reader takes for a boolean or nothing is dumped in quotes."""
    spec = sparx_dsl.parse_spec({**sparx_dsl.parse_spec(BASE).written(), "name": name})
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec


# Levels.


@given(strategies.spec_mappings())
def test_the_narrowest_level_that_gives_a_slot_wins(mapping: dict[str, Any]) -> None:
    """Each slot of a layer is its own entry's, else its stage's, else the backbone's; and its place says which."""
    spec = sparx_dsl.parse_spec(mapping)
    for index, stage in enumerate(mapping["stages"]):
        for number, chosen in enumerate(choices(spec, index), start=1):
            levels = [
                (stage.get("layers", {}).get(number, {}), ("stages", index, "layers", number)),
                (stage.get("layer", {}), ("stages", index, "layer")),
                (mapping["layer"], ("layer",)),
            ]
            for slot in ("dpe", "mixer", "fusion", "ffn", "norm", "layer_scale"):
                given_at = [path for level, path in levels if slot in level]
                assert (slot in chosen.values) == bool(given_at)
                if given_at:
                    assert chosen.paths[slot] == (*given_at[0], slot)
                    written = next(level[slot] for level, _ in levels if slot in level)
                    value: Any = chosen.values[slot]
                    plain = {"kind": value.kind, **value.model_dump(exclude_unset=True)} if slot in KINDS else value
                    assert plain == written


KINDS = ("mixer", "fusion", "ffn")


@given(strategies.specs())
def test_drop_path_rises_in_a_line(spec: sparx_dsl.Spec) -> None:
    """The rates begin at 0, end at the spec's, and rise by equal steps; a single layer has the spec's."""
    rates = list(drop_path_rates(spec))
    assert rates == [node.drop_path for node in sparx_dsl.connect(spec).layers()]
    assert rates[-1] == pytest.approx(spec.drop_path)
    if len(rates) > 1:
        assert rates[0] == 0
        step = spec.drop_path / (len(rates) - 1)
        assert rates == pytest.approx([step * place for place in range(len(rates))])


# Edits.


@given(
    strategies.specs(), st.sampled_from(["name", "drop_path", "head", "stages.1.channels", "input.size", "layer.norm"])
)
def test_an_edit_is_undone_by_editing_back(spec: sparx_dsl.Spec, path: str) -> None:
    """Editing a value and editing it back gives an equal spec."""
    new: dict[str, Any] = {"name": "other", "drop_path": 0.25, "head": {"kind": "linear", "classes": 77},
                           "stages.1.channels": 64, "input.size": [97, 31], "layer.norm": "batch"}  # fmt: skip
    node: Any = spec.written()
    for part in path.split("."):
        node = node[int(part) - 1] if part.isdecimal() else node.get(part)
    edited = spec.edit({path: new[path]})
    back = edited.edit({path: None}).edit({path: node}) if path == "head" else edited.edit({path: node})
    assert back == spec
    assert (edited == spec) == (edited.written() == spec.written())


@given(strategies.spec_mappings(), st.data())
def test_an_edit_is_the_edited_mapping(mapping: dict[str, Any], data: st.DataObject) -> None:
    """Editing several values at once equals parsing the mapping with those values."""
    number = data.draw(st.integers(1, len(mapping["stages"])))
    changes = {"name": "edited", f"stages.{number}.channels": 40, "input": {"channels": 4}, "drop_path": None}
    edited = sparx_dsl.parse_spec(mapping).edit(changes)
    stages = [{**stage, "channels": 40} if n == number else stage for n, stage in enumerate(mapping["stages"], start=1)]
    expected = {**mapping, "name": "edited", "stages": stages, "input": {**mapping["input"], "channels": 4}}
    expected.pop("drop_path", None)
    assert edited == sparx_dsl.parse_spec(expected)
    assert "drop_path" not in edited.written()


@given(strategies.specs())
def test_no_edit_changes_nothing(spec: sparx_dsl.Spec) -> None:
    """An edit without changes gives an equal spec, and the one it was made from stays."""
    before = spec.written()
    assert spec.edit({}) == spec
    spec.edit({"name": "other"})
    assert spec.written() == before


def test_a_stage_is_addressed_by_its_name_too() -> None:
    """``stages.deep.S`` is ``stages.2.S`` where the second stage is named deep."""
    spec = sparx_dsl.parse_spec(BASE)
    assert spec.edit({"stages.deep.S": 3}) == spec.edit({"stages.2.S": 3}) != spec
    assert spec.edit({"stages.deep.S": 3}).stages[1].S == 3


def test_an_edit_lays_a_mapping_over_another_of_its_kind() -> None:
    """A mapping keeps what it does not name, unless its kind differs."""
    spec = sparx_dsl.parse_spec(BASE).edit({"layer.mixer": {"kind": "ss2d", "state": 2}})
    assert spec.edit({"layer.mixer": {"expand": 3}}).written()["layer"]["mixer"] == {
        "kind": "ss2d",
        "state": 2,
        "expand": 3,
    }
    other = spec.edit({"layer.mixer": {"kind": "ssm"}})
    assert other.written()["layer"]["mixer"] == {"kind": "ssm"}


def test_layers_are_edited_by_number() -> None:
    """A layer's override is put in and taken out by its number."""
    spec = sparx_dsl.parse_spec(BASE)
    edited = spec.edit({"stages.2.layers.3.dpe": True})
    assert edited.stages[1].layers[3].dpe is True
    assert edited.edit({"stages.2.layers": None}) == spec


def short_name(value: object) -> str | None:
    """The name of a parameter that is a mapping, which may have a key of thousands of characters."""
    return str(cast("object", value))[:40] if isinstance(value, dict) else None


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"stages.9.S": 1}, "SPX107", "stages.9"),
        ({"stages.shallow.S": 1}, "SPX107", "stages.shallow"),
        ({"stages.0.S": 1}, "SPX107", "stages.0"),
        ({"stages." + "9" * 5000: 1}, "SPX017", ""),
        ({"stages.2.stride": 1}, "SPX101", "stages.2.stride"),
        ({"stages.2.S": 5}, "SPX205", "stages.2.S"),
        ({"stages.2.S": "two"}, "SPX103", "stages.2.S"),
        ({"stem": None}, "SPX102", ""),
        ({"name": b"a"}, "SPX019", ""),
    ],
    ids=short_name,
)
def test_an_edit_is_checked(changes: dict[str, Any], code: str, path: str) -> None:
    """An edit that gives no valid spec raises, with the 1-based path of the mistake."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec(BASE).edit(changes)
    assert codes(caught) == [code]
    if path:
        assert caught.value.diagnostics[0].where.path == path


# Layers put in and taken out.


def name_of(spec: Spec, stage: int) -> str:
    """The name of a stage; the stage by its 1-based position."""
    return spec.stages[stage - 1].name or f"stage{stage}"


def layer_names(spec: Spec, stage: int) -> list[str]:
    """The names of a stage's layers."""
    return [f"{name_of(spec, stage)}.layer{n}" for n in range(1, spec.stages[stage - 1].depth + 1)]


def without_rates(spec: Spec, stage: int) -> list[Any]:
    """The settings of a stage's layers, drop path aside, which depends on the depth of the whole."""
    return list(spec.resolved[stage - 1].layers)


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
    spec = sparx_dsl.parse_spec(BASE).edit({f"stages.1.{key}": value for key, value in keys.items()})
    with pytest.raises(SparxError) as caught:
        spec.remove_layer("stage1", 2)
    assert [(d.code, d.where.path) for d in caught.value.diagnostics] == [(code, path)]


def test_layers_of_a_named_stage_are_renamed_by_its_name() -> None:
    """A stage with a name of its own is addressed by it, and its layers are called by it."""
    edit = sparx_dsl.parse_spec(BASE).insert_layer("deep", after=2)
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
        call(sparx_dsl.parse_spec(BASE))
    assert codes(caught) == [code]
    if "dep" in caught.value.diagnostics[0].message:
        assert caught.value.diagnostics[0].help
