"""``verify_graph`` on graphs that were broken on purpose."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.graph import ConnectionGraph, Edge, verify_graph
from sparx_dsl.graph.verify import verified
from sparx_dsl.language.shrinking import Shrinking


def sound() -> ConnectionGraph:
    """Two stages; stage2.layer2 reads the stage's input, stage2.layer1, and an added feature of stage 1."""
    return sparx_dsl.connect(sparx_dsl.parse_spec({
        "sparx": 1, "name": "sound", "stem": {"kind": "conv"}, "layer": {"mixer": {"kind": "ss2d"}},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 16, "depth": 2, "S": 2}],
        "links": {"add": [{"from": "stage1.layer1", "to": "stage2.layer2"}]},
        "head": {"kind": "linear", "classes": 2},
    }))  # fmt: skip


def with_edge(source: str, target: str, /, **changes: Any) -> ConnectionGraph:
    """The sound graph with one edge changed."""
    graph = sound()
    found = [edge for edge in graph.edges if (edge.source, edge.target) == (source, target)]
    assert found
    changed = tuple(replace(edge, **changes) if edge is found[-1] else edge for edge in graph.edges)
    return replace(graph, edges=changed)


def with_node(name: str, **changes: Any) -> ConnectionGraph:
    """The sound graph with one node changed."""
    graph = sound()
    return replace(graph, nodes=tuple(replace(node, **changes) if node.name == name else node for node in graph.nodes))


def without_features() -> ConnectionGraph:
    """The sound graph without a feature for its ganglion layer."""
    graph = sound()
    node = graph.node("stage2.layer2")
    graph = with_node(node.name, site=replace(node.site, features=0))
    return replace(graph, edges=tuple(edge for edge in graph.edges if edge.kind == "feed"))


def with_reading_head() -> ConnectionGraph:
    """The sound graph with a head that reads a feature."""
    graph = sound()
    graph = with_node("head", site=replace(graph.node("head").site, features=1))
    return replace(graph, edges=(*graph.edges, Edge("stage2.layer1", "head", "intra", 0)))


def dense() -> ConnectionGraph:
    """The sound graph with a head that reads both stages."""
    return sparx_dsl.connect(sound().spec.edit({"head": None, "head.kind": "upernet"}))


def with_tap(source: str, target: str) -> ConnectionGraph:
    """The dense graph with its tap laid elsewhere."""
    graph = dense()
    moved = {"source": source, "target": target}
    return replace(graph, edges=tuple(replace(e, **moved) if e.kind == "tap" else e for e in graph.edges))


def with_maps(*channels: int) -> ConnectionGraph:
    """The dense graph with a head that is built for maps of other channels."""
    graph = dense()
    head = replace(graph.nodes[-1], site=replace(graph.nodes[-1].site, maps=channels))
    return replace(graph, nodes=(*graph.nodes[:-1], head))


def with_features(name: str, count: int) -> ConnectionGraph:
    """The sound graph with a node that is built for another number of features."""
    return with_node(name, site=replace(sound().node(name).site, features=count))


BROKEN = {
    "two nodes are named stem": lambda: replace(sound(), nodes=(sound().nodes[0], *sound().nodes)),
    "stage1.layer9 -> stage2.layer2 (intra) leads to no node":
        lambda: with_edge("stage2.layer1", "stage2.layer2", source="stage1.layer9"),
    "stage2.layer1 -> stage9 (intra) leads to no node":
        lambda: with_edge("stage2.layer1", "stage2.layer2", target="stage9"),
    "stage2.layer2 -> stage2.layer2 (intra) does not lead forward":
        lambda: with_edge("stage2.layer1", "stage2.layer2", source="stage2.layer2"),
    "head -> stage2.layer2 (intra) does not lead forward":
        lambda: with_edge("stage2.layer1", "stage2.layer2", source="head"),
    "stage1.layer1 has 0 feeds, not 1":
        lambda: replace(sound(), edges=tuple(edge for edge in sound().edges if edge.source != "stem")),
    "stage1.layer1 has 2 feeds, not 1": lambda: replace(sound(), edges=(*sound().edges, sound().edges[0])),
    "stage2.layer1 is fed by stage1.layer1, not by the node before":
        lambda: with_edge("stage2.downsample", "stage2.layer1", source="stage1.layer1"),
    "the feed stem -> stage1.layer1 takes a slot": lambda: with_edge("stem", "stage1.layer1", slot=0),
    "the slots of stage2.layer2 are not 0 to 2": lambda: with_edge("stage2.layer1", "stage2.layer2", slot=7),
    "stage2.layer2 reads a feature twice":
        lambda: with_edge("stage1.layer1", "stage2.layer2", source="stage2.downsample"),
    "stage2.layer2 is built for 5 features and reads 3": lambda: with_features("stage2.layer2", 5),
    "head reads a feature twice": lambda: replace(dense(), edges=(*dense().edges, dense().edges[-1])),
    "stage2.layer1 is built for 1 features and reads 0": lambda: with_features("stage2.layer1", 1),
    "the ganglion layer stage2.layer2 reads no feature": without_features,
    "head is not a layer and reads features": with_reading_head,
    "stage2.layer1 taps stage1.layer1, not nothing": lambda: with_tap("stage1.layer1", "stage2.layer1"),
    "head is built for 0 features and reads 1":
        lambda: replace(dense(), edges=(*dense().edges, Edge("stage2.layer1", "head", "intra", 1))),
    "head taps stem, not stage1.layer1": lambda: with_tap("stem", "head"),
    "head taps stage1.layer1, not nothing": with_maps,
    "head taps nothing, not stage1.layer1":
        lambda: replace(dense(), edges=tuple(edge for edge in dense().edges if edge.kind != "tap")),
    "head is built for maps of (8, 17) channels and reads (8, 16)": lambda: with_maps(8, 17),
    "stage1.layer1 is fed a map of another shape by stem": lambda: with_node("stem", channels=24),
    "head is fed a map of another shape by stage2.layer2":
        lambda: with_node("stage2.layer2", shrinkings=(Shrinking(16),)),
    "stage2.layer2 reads a feature of another shape from stage2.downsample":
        lambda: with_node("stage2.downsample", shrinkings=(Shrinking(4),)),
    "stage2.layer2 reads stage1.layer1 of another stage by the rule":
        lambda: with_edge("stage1.layer1", "stage2.layer2", kind="inter"),
}  # fmt: skip


@pytest.mark.parametrize("message", BROKEN)
def test_each_kind_of_broken_graph_is_reported(message: str) -> None:
    """``verify_graph`` says what is broken in a graph that no spec could make."""
    assert verify_graph(sound()) == verify_graph(dense()) == ()
    assert message in verify_graph(BROKEN[message]())


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_graph_is_not_returned(message: str) -> None:
    """``connect`` returns what ``verified`` returns, which raises for a graph that fails its checks."""
    assert verified(sound()) == sound()
    with pytest.raises(RuntimeError, match=re.escape(message)):
        verified(BROKEN[message]())
