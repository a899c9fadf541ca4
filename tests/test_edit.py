"""Edits of specs: values by their paths."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.language.checks.check_links import named_nodes
from tests.support import strategies
from tests.support.backbones import TWO_STAGES
from tests.support.diagnostics import codes


@given(
    strategies.specs(), st.sampled_from(["name", "drop_path", "head", "stages.1.channels", "input.size", "layer.norm"])
)
def test_an_edit_is_undone_by_editing_back(spec: sparx_dsl.Spec, path: str) -> None:
    """Editing a value and editing it back gives an equal spec."""
    new: dict[str, Any] = {"name": "other", "drop_path": 0.25, "head": {"kind": "linear", "classes": 77},
                           "stages.1.channels": 64, "input.size": [97, 31], "layer.norm": "batch"}  # fmt: skip
    written = spec.written()
    node: Any = written
    for part in path.split("."):
        node = node[int(part) - 1] if part.isdecimal() else node.get(part)
    paths = [path]
    if path == "stages.1.channels":
        paths = [f"stages.{number}.channels" for number in strategies.joined_stages(written, 1)]
    edited = spec.edit(dict.fromkeys(paths, new[path]))
    back = (edited.edit({path: None}) if path == "head" else edited).edit(dict.fromkeys(paths, node))
    assert back == spec
    assert (edited == spec) == (edited.written() == spec.written())


@given(strategies.spec_mappings(), st.data())
def test_an_edit_is_the_edited_mapping(mapping: dict[str, Any], data: st.DataObject) -> None:
    """Editing several values at once equals parsing the mapping with those values."""
    numbers = strategies.joined_stages(mapping, data.draw(st.integers(1, len(mapping["stages"]))))
    widths = {f"stages.{number}.channels": 40 for number in numbers}
    changes = {"name": "edited", **widths, "input": {"channels": 4}, "drop_path": None}
    edited = sparx_dsl.parse_spec(mapping).edit(changes)
    stages = [
        {**stage, "channels": 40} if n in numbers else stage for n, stage in enumerate(mapping["stages"], start=1)
    ]
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
    spec = sparx_dsl.parse_spec(TWO_STAGES)
    assert spec.edit({"stages.deep.S": 3}) == spec.edit({"stages.2.S": 3}) != spec
    assert spec.edit({"stages.deep.S": 3}).stages[1].S == 3


def test_an_edit_lays_a_mapping_over_another_of_its_kind() -> None:
    """A mapping keeps what it does not name, unless its kind differs."""
    spec = sparx_dsl.parse_spec(TWO_STAGES).edit({"layer.mixer": {"kind": "ss2d", "state": 2}})
    assert spec.edit({"layer.mixer": {"expand": 3}}).written()["layer"]["mixer"] == {
        "kind": "ss2d",
        "state": 2,
        "expand": 3,
    }
    other = spec.edit({"layer.mixer": {"kind": "ssm"}})
    assert other.written()["layer"]["mixer"] == {"kind": "ssm"}


def test_layers_are_edited_by_number() -> None:
    """A layer's override is put in and taken out by its number."""
    spec = sparx_dsl.parse_spec(TWO_STAGES)
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
        ({"links.add": [{"from": "stage1.layer9", "to": "deep.layer1"}]}, "SPX301", "links.add.1.from"),
        ({"links.cut": [{"from": "deep.layer1", "to": "deep.layer9"}]}, "SPX301", "links.cut.1.to"),
        ({"links.add": [{"from": "deep.layer3", "to": "deep.layer2"}]}, "SPX302", "links.add.1"),
        ({"links.add": [{"from": "stage1.layer1", "to": "deep.downsample"}]}, "SPX303", "links.add.1.to"),
    ],
    ids=short_name,
)
def test_an_edit_is_checked(changes: dict[str, Any], code: str, path: str) -> None:
    """An edit that gives no valid spec raises, with the 1-based path of the mistake."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec(TWO_STAGES).edit(changes)
    assert codes(caught) == [code]
    if path:
        assert caught.value.diagnostics[0].where.path == path


def test_an_edit_must_not_leave_a_link_to_nothing() -> None:
    """A shallower stage, or one of another name, whose layers links name; the path is that of the link."""
    spec = sparx_dsl.parse_spec(TWO_STAGES).edit({"links.add": [{"from": "stage1.layer1", "to": "deep.layer4"}]})
    assert spec.edit({"stages.deep.depth": 5}).links == spec.links
    for changes in ({"stages.deep.depth": 3}, {"stages.2.name": "deeper"}):
        with pytest.raises(SparxError) as caught:
            spec.edit(changes)
        assert codes(caught) == ["SPX301"]
        assert caught.value.diagnostics[0].where.path == "links.add.1.to"


@given(strategies.specs())
def test_links_are_checked_against_the_nodes_of_the_graph(spec: sparx_dsl.Spec) -> None:
    """What can be named in a link is what the graph has, in the order in which it runs."""
    named = [(node.name, node.role, node.stage) for node in named_nodes(spec, spec.resolved).values()]
    assert named == [(node.name, node.role, node.stage) for node in sparx_dsl.connect(spec).nodes]
