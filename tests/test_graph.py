"""The connection graph: its edges against a second reading of the rule, its checks, its texts, its diagnostics."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import networkx
import pytest
from hypothesis import given

import sparx_dsl
from sparx_dsl.graph import ConnectionGraph, Edge, verify_graph
from sparx_dsl.graph.verify import verified
from tests.support import strategies
from tests.support.golden_text import Golden
from tests.support.paths import SPECS

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


def chain(mapping: dict[str, Any]) -> list[str]:
    """The names of all nodes in the order in which they run."""
    names: list[str] = []
    for k, stage in enumerate(mapping["stages"], start=1):
        names.append(f"stage{k}.downsample" if k > 1 else "stem")
        names += [f"stage{k}.layer{n}" for n in range(1, stage["depth"] + 1)]
    return [*names, "head"] if mapping.get("head", {"kind": "none"})["kind"] != "none" else names


DENSE = ("semantic_fpn", "upernet")
"""The heads that read every stage."""


def taps(mapping: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The last layers of all stages but the last, where the head reads them."""
    dense = mapping.get("head", {}).get("kind") in DENSE
    return {(f"stage{k}.layer{stage['depth']}", "head", "tap")
            for k, stage in enumerate(mapping["stages"][:-1], start=1) if dense}  # fmt: skip


def feature_edges(mapping: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Rule edges + added − cut, and the head's taps."""
    edges: set[tuple[str, str, str]] = taps(mapping)
    for k, stage in enumerate(mapping["stages"], start=1):
        edges |= stage_edges(stage, f"stage{k}", f"stage{k}.downsample" if k > 1 else "stem")
    links = mapping.get("links", {})
    cut = {(link["from"], link["to"]) for link in links.get("cut", [])}
    added = {(link["from"], link["to"], "added") for link in links.get("add", [])}
    return {edge for edge in edges if edge[:2] not in cut} | added


def order_of_slots(mapping: dict[str, Any], edge: Edge) -> tuple[int, int]:
    """Where a feature belongs in the concatenation: by what it is, then by age or place in the list."""
    if edge.kind == "tap":
        return 0, int(edge.source.split(".")[0].removeprefix("stage"))
    if edge.kind == "added":
        written = [(link["from"], link["to"]) for link in mapping["links"]["add"]]
        return 3, written.index((edge.source, edge.target))
    stage = mapping["stages"][int(edge.target.split(".")[0].removeprefix("stage")) - 1]
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
    """The view for networkx has the same nodes and edges, is acyclic, runs in the graph's order, and is frozen."""
    graph = sparx_dsl.connect(spec)
    view = graph.networkx
    assert networkx.is_directed_acyclic_graph(view)
    assert networkx.is_frozen(view)
    assert list(view) == [node.name for node in graph.nodes]
    assert all(view.nodes[node.name]["node"] is node for node in graph.nodes)
    assert sorted((data["edge"] for *_, data in view.edges(data=True)), key=str) == sorted(graph.edges, key=str)
    # The feeds are a Hamiltonian path, so there is one topological order only.
    assert next(networkx.all_topological_sorts(networkx.DiGraph(view))) == [node.name for node in graph.nodes]


@given(strategies.spec_mappings())
def test_channels_and_strides_follow_the_stages(mapping: dict[str, Any]) -> None:
    """A node has its stage's channels; every stage halves the map of the stage before."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    stem = mapping["stem"]
    first = 4 if stem["kind"] == "conv" else stem.get("size", 4)
    for node in graph.nodes:
        assert node.channels == mapping["stages"][node.stage - 1]["channels"]
        assert node.stride == first * 2 ** (node.stage - 1)
        assert node.map_size((61, 40)) == (-(-61 // node.stride), -(-40 // node.stride))


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


# What verify_graph says of a graph that was broken on purpose.


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
    "stage2.layer1 is built for 1 features and reads 0": lambda: with_features("stage2.layer1", 1),
    "the ganglion layer stage2.layer2 reads nothing": without_features,
    "head is no layer and reads features": with_reading_head,
    "stage2.layer1 is no head and is tapped from stage1.layer1": lambda: with_tap("stage1.layer1", "stage2.layer1"),
    "head is built for 0 features and reads 1":
        lambda: replace(dense(), edges=(*dense().edges, Edge("stage2.layer1", "head", "intra", 1))),
    "head taps stem, not stage1.layer1": lambda: with_tap("stem", "head"),
    "head taps stage1.layer1, not nothing": with_maps,
    "head taps nothing, not stage1.layer1":
        lambda: replace(dense(), edges=tuple(edge for edge in dense().edges if edge.kind != "tap")),
    "head is built for maps of (8, 17) channels and reads (8, 16)": lambda: with_maps(8, 17),
    "stage1.layer1 is fed a map of another shape by stem": lambda: with_node("stem", channels=24),
    "head is fed a map of another shape by stage2.layer2": lambda: with_node("stage2.layer2", stride=16),
    "stage2.layer2 reads a feature of another shape from stage2.downsample":
        lambda: with_node("stage2.downsample", stride=4),
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


# Texts.


def test_explanation_of_a_ganglion_layer(golden: Golden) -> None:
    """``explain`` says what stage3.layer5 of SparX-Mamba-T reads and why, and who reads it."""
    golden.check(sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml").explain("stage3.layer5"))


def test_explanation_of_a_head_that_reads_all_stages(golden: Golden) -> None:
    """``explain`` says which maps the head reads and that it is given the images; and of a layer, that it is tapped."""
    graph = sparx_dsl.connect(sparx_dsl.load_spec(SPECS / "swin_t.yaml").edit({"head": None, "head.kind": "upernet"}))
    golden.check("\n".join(graph.explain(name) for name in ("head", "stage3.layer6")))


def test_listing(golden: Golden) -> None:
    """``str(graph)`` lists every node of SparX-Mamba-T with what it reads."""
    golden.check(str(sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml")))


def test_listing_with_links(golden: Golden) -> None:
    """Added and adapted links, a dense stage and a stage input in the window are told apart in the listing."""
    golden.check(
        str(
            sparx_dsl.connect(
                {
                    "sparx": 1,
                    "name": "linked",
                    "stem": {"kind": "patch"},
                    "layer": {
                        "mixer": {"kind": "window_attention", "heads": 2},
                        "fusion": {"kind": "concat"},
                        "ffn": {"kind": "none"},
                    },
                    "stages": [
                        {"channels": 8, "depth": 4, "S": 2, "M": 2, "cross_stage": "window"},
                        {"channels": 16, "depth": 3, "ganglion": [2, 3], "intra": "all", "cross_stage": "every"},
                    ],
                    "links": {
                        "add": [
                            {"from": "stage1.layer2", "to": "stage2.layer1"},
                            {"from": "stage2.layer1", "to": "stage2.layer2"},
                        ],
                        "cut": [{"from": "stage2.layer1", "to": "stage2.layer2"}],
                    },
                }
            )
        )
    )


# Diagnostics, by code, line and column.

HEADER = """\
sparx: 1
name: linked
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 8, depth: 2}
  - {channels: 16, depth: 4, S: 2}
"""

MISTAKES = {
    "SPX301 an unknown end": ("links:\n  add:\n    - {from: stage1.layer7, to: stage2.layer2}\n", [("SPX301", 10, 14)]),
    "SPX301 both ends, with a guess": (
        "links: {cut: [{from: stage9.layer1, to: stage2.layr2}]}\n",
        [("SPX301", 8, 22), ("SPX301", 8, 41)],
    ),
    "SPX302 a link backwards": ("links: {add: [{from: stage2.layer2, to: stage2.layer1}]}\n", [("SPX302", 8, 15)]),
    "SPX302 a link to itself": ("links: {add: [{from: stage2.layer2, to: stage2.layer2}]}\n", [("SPX302", 8, 15)]),
    "SPX303 a link into no layer": (
        "links: {add: [{from: stage1.layer1, to: stage2.downsample}]}\n",
        [("SPX303", 8, 41)],
    ),
    "SPX303 a link into a head": (
        "head: {kind: upernet}\nlinks: {cut: [{from: stage1.layer2, to: head}]}\n",
        [("SPX303", 9, 41)],
    ),
    "SPX304 a link that is there": ("links: {add: [{from: stage2.layer1, to: stage2.layer2}]}\n", [("SPX304", 8, 15)]),
    "SPX304 a link added twice": (
        "links:\n  add:\n  - {from: stem, to: stage2.layer1}\n  - {from: stem, to: stage2.layer1}\n",
        [("SPX304", 11, 5)],
    ),
    "SPX305 nothing to cut": ("links:\n  cut: [{from: stem, to: stage2.layer2}]\n", [("SPX305", 9, 9)]),
    "SPX305 a feed is not cut": ("links:\n  cut: [{from: stage2.layer2, to: stage2.layer3}]\n", [("SPX305", 9, 9)]),
    "SPX306 nothing left": (
        "links:\n  cut:\n  - {from: stage2.downsample, to: stage2.layer2}\n"
        "  - {from: stage2.layer1, to: stage2.layer2}\n",
        [("SPX306", 7, 33)],
    ),
}


def places(error: sparx_dsl.SparxError) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake."""
    found: list[tuple[str, int, int]] = []
    for diagnostic in error.diagnostics:
        assert diagnostic.where.span is not None
        found.append((diagnostic.code, diagnostic.where.span.line, diagnostic.where.span.column))
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_links_are_found_at_their_place(mistake: str) -> None:
    """Every mistake in the links is reported with its code at its line and column, all of them at once."""
    text, expected = MISTAKES[mistake]
    spec = sparx_dsl.parse_spec(HEADER + text)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(spec)
    assert places(caught.value) == expected


def test_a_named_ganglion_layer_without_features_is_found_where_it_is_named() -> None:
    """SPX306 points to the stage's ``ganglion`` key where the layers are named outright."""
    text = HEADER.replace("depth: 2}", "depth: 2, ganglion: [1], cross_stage: none}")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(text))
    assert places(caught.value) == [("SPX306", 6, 39)]
    assert "stage1.layer1" in caught.value.diagnostics[0].message


def test_a_guess_is_offered_for_an_unknown_end() -> None:
    """SPX301 names the closest node."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(HEADER + "links: {cut: [{from: stem, to: stage2.layr2}]}\n"))
    assert "stage2.layer2" in (caught.value.diagnostics[0].help or "")


def test_an_unknown_name_cannot_be_explained() -> None:
    """``explain`` raises SPX310 with the closest name, and no place, for no text is behind the question."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sound().explain("stage2.layr2")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.span) == ("SPX310", None)
    assert "stage2.layer2" in (diagnostic.help or "")


def test_asking_for_what_is_not_there() -> None:
    """A missing node is a ``KeyError``, the settings of what is no layer a ``LookupError``; the stem has no feed."""
    graph = sound()
    with pytest.raises(KeyError):
        graph.node("stage9")
    with pytest.raises(LookupError):
        _ = graph.node("stem").layer_settings
    assert graph.feed("stem") is None
