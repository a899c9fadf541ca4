"""What differs between two backbones: exactly what came and went, seen through new names and numbers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.render.match_nodes import aligned, match_nodes
from tests.support.strategies import spec_mappings


def graph_of(mapping: dict[str, Any]) -> sparx_dsl.ConnectionGraph:
    """The graph of a mapping."""
    return sparx_dsl.connect(sparx_dsl.parse_spec(mapping))


def lines_of(before: sparx_dsl.ConnectionGraph, after: sparx_dsl.ConnectionGraph, sign: str) -> list[str]:
    """The lines of a difference with that sign, without it."""
    return [line[2:] for line in sparx_dsl.difference(before, after).splitlines() if line.startswith(f"{sign} ")]


def items(graph: sparx_dsl.ConnectionGraph) -> Counter[str]:
    """The nodes and edges of a graph as a difference writes them."""
    edges = [f"{edge.source} → {edge.target} ({edge.kind})" for edge in graph.edges]
    return Counter([*(node.name for node in graph.nodes), *edges])


def is_beside(name: str, other: str) -> bool:
    """Whether two layers are of the same stage."""
    return name.partition(".")[0] == other.partition(".")[0]


@given(spec_mappings(), spec_mappings())
def test_what_came_and_went_is_the_difference_of_the_sets(former: dict[str, Any], latter: dict[str, Any]) -> None:
    """Lines with + and - are the nodes and edges of one graph that are not the other's by their new names.

    No name stands for two nodes: old names are marked as such.
    """
    before, after = graph_of(former), graph_of(latter)
    names = match_nodes(before, after).names
    back = {new: old for old, new in names.items()}
    assert len(back) == len(names)
    old_edges = {(names.get(edge.source), names.get(edge.target), edge.kind) for edge in before.edges}
    new_edges = {(back.get(edge.source), back.get(edge.target), edge.kind) for edge in after.edges}
    came = [f"{edge.source} → {edge.target} ({edge.kind})" for edge in after.edges
            if (edge.source, edge.target, edge.kind) not in old_edges]  # fmt: skip
    there = {node.name for node in after.nodes}
    former = {name: f"{names[name]} (was {name.partition('.')[2] if is_beside(name, names[name]) else name})"
              if name in names else f"{name} (removed)"
              for name in (node.name for node in before.nodes)
              if names.get(name) != name and (name in names or name in there)}  # fmt: skip
    went = [f"{former.get(edge.source, edge.source)} → {former.get(edge.target, edge.target)} ({edge.kind})"
            for edge in before.edges if (edge.source, edge.target, edge.kind) not in new_edges]  # fmt: skip
    nodes = ([node.name for node in after.nodes if node.name not in back],
             [former.get(node.name, node.name) for node in before.nodes if node.name not in names])  # fmt: skip
    found = [Counter(re.sub(r": .*", "", line) for line in lines_of(before, after, sign)) for sign in "+-"]
    assert found == [Counter([*nodes[0], *came]), Counter([*nodes[1], *went])]


@given(spec_mappings(), st.data())
def test_new_names_of_stages_are_no_other_difference(mapping: dict[str, Any], data: st.DataObject) -> None:
    """A backbone whose stages were given names differs by these alone, and so do its prices not at all."""
    spec = sparx_dsl.parse_spec(mapping)
    number = data.draw(st.integers(1, len(spec.stages)))
    if spec.links.add or spec.links.cut:  # links name stages
        return
    named = spec.edit({f"stages.{number}.name": "renamed"})
    listing = sparx_dsl.difference_listing(spec, named)
    old = spec.stages[number - 1].name or f"stage{number}"
    assert [(change["change"], change["what"]) for change in listing.as_json()["changes"]] == [
        ("renamed", f"{old} is renamed now")
    ]


@given(spec_mappings(), st.data())
@settings(max_examples=40)
def test_an_inserted_layer_is_one_layer_more(mapping: dict[str, Any], data: st.DataObject) -> None:
    """Whatever is renumbered, one layer is added and none is removed; taking it out again is the reverse."""
    spec = sparx_dsl.parse_spec(mapping)
    number = data.draw(st.integers(1, len(spec.stages)))
    stage = spec.stages[number - 1]
    try:
        after = spec.insert_layer(stage.name or f"stage{number}", data.draw(st.integers(0, stage.depth))).spec
        graphs = sparx_dsl.connect(spec), sparx_dsl.connect(after)
    except sparx_dsl.SparxError:  # a rule of the spec may not bear another layer
        return
    for before, other, sign in ((*graphs, "+"), (*reversed(graphs), "-")):
        nodes = [line for line in lines_of(before, other, sign) if "→" not in line.partition(":")[0]]
        assert len(nodes) == 1
        assert ".layer" in nodes[0]


def test_a_stage_that_moved_is_the_same_stage() -> None:
    """Stages with names are matched by them wherever they stand."""
    stages = [{"channels": 16, "depth": 2, "name": name} for name in ("first", "second", "third")]
    spec = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ss2d"}}}
    before, after = (
        graph_of({**spec, "stages": stages}),
        graph_of({**spec, "stages": [stages[0], stages[2], stages[1]]}),
    )
    names = match_nodes(before, after).names
    assert names["second.layer2"] == "second.layer2"
    assert not [line for line in lines_of(before, after, "+") if "layer" in line.partition(":")[0].partition(" ")[0]
                and "→" not in line]  # fmt: skip
    fewer = graph_of({**spec, "stages": [stages[0], {**stages[2], "name": "last"}]})
    assert match_nodes(before, fewer).names["first.layer1"] == "first.layer1"


@given(st.lists(st.integers(0, 2), max_size=6), st.lists(st.integers(0, 2), max_size=6))
def test_an_alignment_leaves_the_fewest_changes(before: list[int], after: list[int]) -> None:
    """Of all ways to match the shorter sequence into the longer one, none leaves fewer differing pairs."""
    pairs = aligned(before, after, int.__eq__)
    short, long = sorted((before, after), key=len)
    assert len(pairs) == len(short)
    assert all(one < other and this < that for (one, this), (other, that) in itertools.pairwise(pairs))
    ways = itertools.combinations(range(len(long)), len(short))
    best = min(sum(short[i] != long[j] for i, j in enumerate(way)) for way in ways)
    assert sum(before[i] != after[j] for i, j in pairs) == best


@pytest.mark.parametrize(("depth", "expected"), [(9, None), (8, "stage3.layer1–7 are stage3.layer2–8 now")])
def test_more_layers_are_told_from_renumbered_ones(depth: int, expected: str | None) -> None:
    """Two layers more under S = 2 leave all as they were; one more shifts them, since layers count from the last."""
    spec = sparx_dsl.load_spec("sparx_mamba_t")
    found = lines_of(sparx_dsl.connect(spec), sparx_dsl.connect(spec.edit({"stages.3.depth": depth})), ">")
    assert found == ([] if expected is None else [expected])
