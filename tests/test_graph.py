"""The connection graph: its edges, slots, channels and counts against a second reading of the rule."""

from __future__ import annotations

import itertools
from typing import Any

import networkx
from hypothesis import given

import sparx_dsl
from sparx_dsl.graph import Edge, verify_graph
from tests.support import strategies

# The rule a second time, as sets of (source, target, kind), from the keys that a user wrote.


def members(stage: dict[str, Any]) -> set[int]:
    """The ganglion layers of a stage as written."""
    if "ganglion" in stage:
        return set(stage["ganglion"])
    return (
        {n for n in range(1, stage["depth"] + 1) if (stage["depth"] - n) % stage["S"] == 0} if "S" in stage else set()
    )


def stage_edges(stage: dict[str, Any], prefix: str, head: str) -> set[tuple[str, str, str]]:
    """The rule's connections within one stage."""
    G, mode, window = members(stage), stage.get("cross_stage", "first"), stage.get("M", "all")
    limit = 10**9 if window == "all" else window
    before = {g: {h for h in G if h < g} for g in G}
    seats = {g: before[g] | ({0} if mode == "window" else set[int]()) for g in G}
    inter = {(h, g) for g in G for h in seats[g] if sum(k >= h for k in seats[g]) <= limit}
    intra = {
        (n, g)
        for g in G
        for n in range(1, g)
        if n not in G and (stage.get("intra") == "all" or not any(n < h < g for h in G))
    }
    cross = {g for g in G if mode == "every" or (mode == "first" and not before[g])} | {g for h, g in inter if h == 0}
    return (
        {(f"{prefix}.layer{n}", f"{prefix}.layer{g}", "intra") for n, g in intra}
        | {(f"{prefix}.layer{h}", f"{prefix}.layer{g}", "inter") for h, g in inter if h}
        | {(head, f"{prefix}.layer{g}", "cross_stage") for g in cross}
    )  # fmt: skip


def prefixes(mapping: dict[str, Any]) -> list[str]:
    """The names of the stages: their own, or those of their positions."""
    return [stage.get("name", f"stage{k}") for k, stage in enumerate(mapping["stages"], start=1)]


def inputs(mapping: dict[str, Any]) -> list[str]:
    """For each stage the node that gives its input."""
    names, stages = prefixes(mapping), mapping["stages"]
    openings = ["stem", *(f"{prefix}.downsample" for prefix in names[1:])]
    lasts = ["", *(f"{prefix}.layer{stage['depth']}" for prefix, stage in zip(names, stages, strict=True))]
    kinds = [stage.get("downsample", {}).get("kind") for stage in stages]
    return [last if kind == "none" else head for kind, last, head in zip(kinds, lasts, openings, strict=False)]


def chain(mapping: dict[str, Any]) -> list[str]:
    """The names of all nodes in the order in which they run."""
    names: list[str] = []
    for stage, prefix, head in zip(mapping["stages"], prefixes(mapping), inputs(mapping), strict=True):
        names += [] if head in names else [head]
        names += [f"{prefix}.layer{n}" for n in range(1, stage["depth"] + 1)]
    return [*names, "head"] if mapping.get("head", {"kind": "none"})["kind"] != "none" else names


DENSE = ("semantic_fpn", "upernet")
"""The heads that read every stage."""


def taps(mapping: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The last layers of all stages but the last, where the head reads them."""
    dense = mapping.get("head", {}).get("kind") in DENSE
    pairs = list(zip(mapping["stages"], prefixes(mapping), strict=True))[:-1]
    return {(f"{prefix}.layer{stage['depth']}", "head", "tap") for stage, prefix in pairs if dense}


def feature_edges(mapping: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Rule edges + added − cut, and the head's taps."""
    edges: set[tuple[str, str, str]] = taps(mapping)
    for stage, prefix, head in zip(mapping["stages"], prefixes(mapping), inputs(mapping), strict=True):
        edges |= stage_edges(stage, prefix, head)
    links = mapping.get("links", {})
    cut = {(link["from"], link["to"]) for link in links.get("cut", [])}
    added = {(link["from"], link["to"], "added") for link in links.get("add", [])}
    return {edge for edge in edges if edge[:2] not in cut} | added


def order_of_slots(mapping: dict[str, Any], edge: Edge) -> tuple[int, int]:
    """Where a feature belongs in the concatenation: by what it is, then by age or place in the list."""
    if edge.kind == "tap":
        return 0, prefixes(mapping).index(edge.source.split(".")[0])
    if edge.kind == "added":
        written = [(link["from"], link["to"]) for link in mapping["links"]["add"]]
        return 3, written.index((edge.source, edge.target))
    stage = mapping["stages"][prefixes(mapping).index(edge.target.split(".")[0])]
    if edge.kind == "cross_stage":
        return (2 if stage.get("cross_stage") == "window" else 0), 0
    return (1 if edge.kind == "intra" else 2), int(edge.source.rpartition("layer")[2])


@given(strategies.spec_mappings())
def test_edges_are_those_of_the_rule_and_the_links(mapping: dict[str, Any]) -> None:
    """Feeds form one chain through all nodes; every other edge is the rule's or added, and none that is cut."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    names = chain(mapping)
    assert [node.name for node in graph.nodes] == names
    feeds = [(edge.source, edge.target) for edge in graph.edges if edge.kind == "feed"]
    assert feeds == list(itertools.pairwise(names))
    features = [(edge.source, edge.target, edge.kind) for edge in graph.edges if edge.kind != "feed"]
    assert len(set(features)) == len(features)
    assert set(features) == feature_edges(mapping)


@given(strategies.spec_mappings())
def test_slots_are_contiguous_and_in_the_documented_order(mapping: dict[str, Any]) -> None:
    """The slots of every layer are 0, 1, 2 …: the stage's input, normal layers, ganglion layers, added links."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    for node in graph.nodes:
        edges = graph.features(node.name)
        assert [edge.slot for edge in edges] == list(range(len(edges)))
        keys = [order_of_slots(mapping, edge) for edge in edges]
        assert keys == sorted(keys)
        assert node.site.features == (len(edges) if node.role == "layer" else 0)
        assert node.ganglion == (node.role == "layer" and bool(edges))
        dense = node.name == "head" and mapping["head"]["kind"] in DENSE
        assert node.site.maps == (tuple(stage["channels"] for stage in mapping["stages"]) if dense else ())


@given(strategies.specs())
def test_nothing_is_broken_in_a_connected_graph(spec: sparx_dsl.Spec) -> None:
    """What ``connect`` makes passes ``verify_graph``."""
    assert verify_graph(sparx_dsl.connect(spec)) == ()


@given(strategies.specs())
def test_networkx_sees_the_same_acyclic_graph(spec: sparx_dsl.Spec) -> None:
    """networkx holds the same nodes and connections, is acyclic, runs in the graph's order, and is frozen."""
    graph = sparx_dsl.connect(spec)
    view = graph.networkx
    assert networkx.is_directed_acyclic_graph(view)
    assert networkx.is_frozen(view)
    assert list(view) == [node.name for node in graph.nodes]
    assert all(view.nodes[node.name]["node"] is node for node in graph.nodes)
    connections = [edge for *_, kinds in view.edges(data=True) for edge in kinds.values()]
    assert sorted(connections, key=str) == sorted(graph.edges, key=str)
    assert all(kinds[kind].kind == kind for *_, kinds in view.edges(data=True) for kind in kinds)
    # The feeds are a Hamiltonian path, so there is one topological order only.
    assert list(networkx.all_topological_sorts(view)) == [[node.name for node in graph.nodes]]


@given(strategies.spec_mappings())
def test_channels_and_strides_follow_the_stages(mapping: dict[str, Any]) -> None:
    """A node has its stage's channels; every stage shrinks the map of the stage before as its downsampling says."""
    graph, strides = sparx_dsl.connect(sparx_dsl.parse_spec(mapping)), strategies.stage_strides(mapping)
    steps = strategies.stage_steps(mapping)
    for node in graph.nodes:
        assert node.channels == mapping["stages"][node.stage - 1]["channels"]
        assert node.stride == strides[node.stage - 1]
        assert (node.number > 0) == (node.role == "layer")
        if node.role == "layer":
            assert node.site.reduction == strides[-1] // node.stride
        assert node.map_size((61, 40)) == tuple(strategies.side_of(steps[node.stage - 1], side) for side in (61, 40))


@given(strategies.specs())
def test_counts_and_layers_agree_with_the_edges(spec: sparx_dsl.Spec) -> None:
    """``count`` over stages sums to the whole, and ``layers`` of the stages are all layers."""
    graph = sparx_dsl.connect(spec)
    stages = range(1, len(spec.stages) + 1)
    for kind in ("cross_stage", "intra", "inter", "added"):
        assert graph.count(kind) == sum(graph.count(kind, stage) for stage in stages)
    assert graph.layers() == tuple(node for stage in stages for node in graph.layers(stage))
    assert len(graph.layers()) == sum(stage.depth for stage in spec.stages)


@given(strategies.specs())
def test_every_node_can_be_explained(spec: sparx_dsl.Spec) -> None:
    """An explanation names every feature that the node reads, with its slot and its reason."""
    graph = sparx_dsl.connect(spec)
    for node in graph.nodes:
        text = graph.explain(node.name)
        for edge in graph.features(node.name):
            assert f"reads {edge.source} in slot {edge.slot} ({edge.kind}): {edge.reason}" in text
