"""Two spellings of one backbone have one hash, and two backbones have two."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.search import fingerprint
from tests.support.paths import ZOO
from tests.support.strategies import spec_mappings

Mapping = dict[str, Any]


def facts(mapping: Mapping) -> Any:
    """What two graphs are compared by: nodes with all that they run, and edges with their slots."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    names = [node.name for node in graph.nodes]
    nodes = [
        (node.role, node.stage, node.number, node.stride, node.channels, node.options, node.site.norm, node.settings
         and (node.settings.mixer, node.settings.ffn, node.settings.norm, node.settings.dpe, node.settings.layer_scale,
              node.settings.fusion if node.ganglion else None))
        for node in graph.nodes
    ]  # fmt: skip
    edges = {(names.index(edge.source), names.index(edge.target), edge.slot) for edge in graph.edges}
    return nodes, edges, graph.spec.drop_path


def placed_by_list(mapping: Mapping) -> None:
    """S becomes the list of the layers that it places."""
    for stage in mapping["stages"]:
        if "S" in stage:
            stride = stage.pop("S")
            stage["ganglion"] = [n for n in range(1, stage["depth"] + 1) if (stage["depth"] - n) % stride == 0]


def without_windows(mapping: Mapping) -> None:
    """A window as wide as the stage is deep becomes no window."""
    for stage in mapping["stages"]:
        if stage.get("M") == stage["depth"]:
            stage["M"] = "all"


def settings_at_the_layers(mapping: Mapping) -> None:
    """What the backbone says of all layers is said at each layer instead."""
    wide = mapping["layer"]
    mapping["layer"] = {"norm": wide["norm"]} if "norm" in wide else {}
    for stage in mapping["stages"]:
        common, single = {**wide, **stage.pop("layer", {})}, stage.get("layers", {})
        stage["layers"] = {n: {**common, **single.get(n, {})} for n in range(1, stage["depth"] + 1)}


def defaults_written_out(mapping: Mapping) -> None:
    """Absent keys are written with the values that they stand for."""
    for stage in mapping["stages"]:
        if "S" in stage or "ganglion" in stage:
            stage.setdefault("cross_stage", "first")
            stage.setdefault("intra", "since_last")
            stage.setdefault("M", "all")
    mapping.setdefault("downsample", {"kind": "conv"})


def other_words(mapping: Mapping) -> None:
    """Another name, and images of another size where the stem has no embedding of it."""
    mapping["name"] = "another"
    if not mapping["stem"].get("position_embedding"):
        mapping["input"] = {**mapping["input"], "size": 64}


RESPELLINGS = (placed_by_list, without_windows, settings_at_the_layers, defaults_written_out, other_words)


@given(spec_mappings(most_stages=2, deepest=4), st.sets(st.sampled_from(RESPELLINGS), min_size=1))
def test_another_spelling_has_the_same_hash(mapping: Mapping, changes: set[Any]) -> None:
    """Where a spelling leaves the graph as it is, the hash is the same."""
    other = copy.deepcopy(mapping)
    for change in changes:
        change(other)
    assert facts(mapping) == facts(other)
    assert fingerprint(sparx_dsl.parse_spec(mapping)) == fingerprint(sparx_dsl.parse_spec(other))


@given(spec_mappings(most_stages=2, deepest=4), st.data())
def test_hashes_are_equal_exactly_where_graphs_are(mapping: Mapping, data: st.DataObject) -> None:
    """Change one key of a stage: the hash changes exactly where the nodes or the edges do."""
    other = copy.deepcopy(mapping)
    stage = data.draw(st.sampled_from(other["stages"]))
    key, value = data.draw(st.sampled_from([("M", 1), ("M", "all"), ("S", 1), ("S", 2), ("intra", "all"),
                                            ("cross_stage", "every"), ("cross_stage", "window"), ("channels", 16),
                                            ("depth", 3), ("layer", {"dpe": True}),
                                            ("layer", {"fusion": {"kind": "concat"}})]))  # fmt: skip
    stage[key] = {**stage.get(key, {}), **value} if isinstance(value, dict) else value
    try:
        sparx_dsl.connect(sparx_dsl.parse_spec(other))
    except sparx_dsl.SparxError:
        return
    hashes = [fingerprint(sparx_dsl.parse_spec(one)) for one in (mapping, other)]
    assert (hashes[0] == hashes[1]) == (facts(mapping) == facts(other))


def test_no_two_published_backbones_share_a_hash() -> None:
    """Every spec of the zoo has a hash of its own, but for the ablations that are a model of the zoo."""
    hashes: dict[str, list[str]] = {}
    for path in ZOO:
        hashes.setdefault(fingerprint(sparx_dsl.load_spec(path)), []).append(path.stem)
    for names in hashes.values():
        first, *others = ({n.name: n for n in sparx_dsl.connect(p).nodes} for p in ZOO if p.stem in names)
        assert all(other == first for other in others), names


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"mixer": {"kind": "ss2d"}}, {"mixer": {"kind": "ss2d", "rank": 4}}),
        ({"mixer": {"kind": "window_attention"}}, {"mixer": {"kind": "window_attention", "heads": 2}}),
        ({"fusion": {"kind": "dmca"}}, {"fusion": {"kind": "dmca", "reduction": 1}}),
        ({"fusion": {"kind": "sra"}}, {"fusion": {"kind": "sra", "reduction": 1, "heads": 2}}),
    ],
)
def test_a_number_and_what_stands_for_it_are_one(first: Mapping, second: Mapping) -> None:
    """``auto``, and heads by their width, hash as the number that they come to; another number does not."""

    def one(layer: Mapping) -> str:
        spec = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}, **layer},
                "stages": [{"channels": 64, "depth": 1, "S": 1}]}  # fmt: skip
        return fingerprint(sparx_dsl.parse_spec(spec))

    assert one(first) == one(second)
    slot, options = next(iter(second.items()))
    key = [name for name in options if name != "kind"][-1]
    assert one({slot: {**options, key: 2 * options[key]}}) != one(second)


def test_the_order_of_what_is_read_counts() -> None:
    """``every`` and ``window`` let the last layer read the same nodes in another order: two backbones."""

    def one(cross_stage: str) -> sparx_dsl.ConnectionGraph:
        stage = {"channels": 16, "depth": 4, "ganglion": [4], "cross_stage": cross_stage}
        spec = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}}}
        return sparx_dsl.connect(sparx_dsl.parse_spec({**spec, "stages": [stage]}))

    every, window = one("every"), one("window")
    assert {(e.source, e.target) for e in every.edges} == {(e.source, e.target) for e in window.edges}
    assert fingerprint(every) != fingerprint(window)
    assert fingerprint(every) == fingerprint(one("first"))
