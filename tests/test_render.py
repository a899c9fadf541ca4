"""Pictures as DOT text: quoting, folding, the layout's laws, and two expected texts."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from graphviz import Digraph
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import ConnectionGraph
from sparx_dsl.graph import Node
from sparx_dsl.render.dot_text import escaped
from sparx_dsl.render.fold import Box, sketch
from tests.support.dot import DEEP, FIGURE_2, KIND_OF_COLOUR, Drawing, graph_of, read_dot, shown
from tests.support.golden_text import Golden
from tests.support.strategies import spec_mappings

VISIBLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Cn", "Co", "Zl", "Zp")))
PIECES = ["&lt;", "&amp;", "&#38;", "&", ";", "\\", "\\N", "\\l", "n", '"', "<b>", "]", "}", "\n", " ", "//", "#"]
AWKWARD = st.lists(st.sampled_from(PIECES)).map("".join)


@st.composite
def deep_mappings(draw: st.DrawFn) -> dict[str, Any]:
    """Specs of long stages, in which there is much to fold."""
    stages: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 2))):
        stage: dict[str, Any] = {"channels": 8, "depth": draw(st.integers(6, 30))}
        if draw(st.booleans()):
            stage |= {"S": draw(st.integers(1, 5)), "M": draw(st.one_of(st.integers(1, 3), st.just("all")))}
            stage |= {"cross_stage": draw(st.sampled_from(["first", "every", "window"]))}
        if draw(st.booleans()):
            stage["layers"] = {draw(st.integers(1, stage["depth"])): {"dpe": True}}
        stages.append(stage)
    common = {"sparx": 1, "name": "deep", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}}}
    return {**common, "stages": stages}


MAPPINGS = st.one_of(spec_mappings(), deep_mappings())


@given(st.one_of(VISIBLE, AWKWARD))
def test_quoted_text_is_shown_letter_for_letter(text: str) -> None:
    """What Graphviz shows for a label is that text, whatever quotes, backslashes and entities it holds."""
    assert shown(quoted(text)) == text


@given(st.text())
def test_no_control_character_is_written(text: str) -> None:
    """No control characters, lone surrogates or format characters come out, and the string ends where it should."""
    written = quoted(text)
    assert not [c for c in written if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', written)
    written.encode()


def quoted(text: str) -> str:
    """The label as it stands in a DOT text, in quotes also where it needs none."""
    drawing = Digraph()
    drawing.node("n", escaped(text))
    written = drawing.source.removeprefix("digraph {\n\tn [label=").removesuffix("]\n}\n")
    return written if written.startswith('"') else f'"{written}"'


@given(MAPPINGS)
def test_unfolded_picture_shows_exactly_the_edges_of_the_graph(mapping: dict[str, Any]) -> None:
    """With fold=False there is one node for each node and one edge, of the right kind, for each edge and each cut."""
    graph = _graph(mapping)
    drawing = read_dot(sparx_dsl.dot(graph, fold=False))
    assert [drawing.name(node) for node in drawing.nodes] == [node.name for node in graph.nodes]
    cut = [(link.source, link.target, "cut") for link in graph.spec.links.cut]
    assert _edges(drawing) == sorted([*cut, *((edge.source, edge.target, edge.kind) for edge in graph.edges)])


@given(MAPPINGS)
def test_folded_picture_is_a_quotient_of_the_graph(mapping: dict[str, Any]) -> None:
    """Boxes share out the nodes in order, and an arc stands for all edges of its kind between two boxes."""
    graph = _graph(mapping)
    picture = sketch(graph, fold=True)
    assert [node for box in picture.boxes for node in box.nodes] == list(graph.nodes)
    names = [{node.name for node in box.nodes} for box in picture.boxes]
    ends = [(edge.source, edge.target, str(edge.kind)) for edge in graph.edges]
    ends += [(link.source, link.target, "cut") for link in graph.spec.links.cut]
    hidden = [pair for *pair, _ in ends if any(set(pair) <= members for members in names)]
    assert sum(arc.edges for arc in picture.arcs) == len(ends) - len(hidden)
    for arc in picture.arcs:
        between = [kind for a, b, kind in ends if a in names[arc.source] and b in names[arc.target]]
        assert arc.edges == between.count(arc.kind)


@given(MAPPINGS)
def test_folded_layers_are_as_the_picture_says(mapping: dict[str, Any]) -> None:
    """Layers of a run are alike in settings and readers; repeats read, and are read, as the layers that they repeat."""
    graph = _graph(mapping)
    for box in sketch(graph, fold=True).boxes:
        for node, model in _claims(box):
            assert _settings(node) == _settings(model)
            if box.like:
                assert _relative(graph, node) == _relative(graph, model)
            else:
                assert not node.ganglion
                assert _readers(graph, node) == _readers(graph, model)


@given(MAPPINGS, st.booleans())
def test_boxes_do_not_overlap(mapping: dict[str, Any], fold: bool) -> None:
    """No two boxes of a picture touch."""
    graph = _graph(mapping)
    frames = list(_frames(read_dot(sparx_dsl.dot(graph, fold=fold))).values())
    for place, (left, bottom, right, top) in enumerate(frames):
        for other in frames[:place]:
            assert right < other[0] or other[2] < left or top < other[1] or other[3] < bottom


@given(MAPPINGS, st.booleans())
def test_arcs_start_and_end_at_their_boxes(mapping: dict[str, Any], fold: bool) -> None:
    """A curve starts on its source's outline and its arrow's tip is on its target's."""
    graph = _graph(mapping)
    drawing = read_dot(sparx_dsl.dot(graph, fold=fold))
    frames = _frames(drawing)
    for source, target, attributes in drawing.edges:
        start, tip = _ends(attributes["pos"])
        assert _touches(frames[source], start)
        assert _touches(frames[target], tip)


@given(MAPPINGS)
def test_everything_is_inside_the_picture(mapping: dict[str, Any]) -> None:
    """The picture's declared extent holds every box and every curve."""
    graph = _graph(mapping)
    text = sparx_dsl.dot(graph)
    drawing = read_dot(text)
    declared = re.search(r'graph \[bb="([^"]*)"', text)
    assert declared
    left, bottom, right, top = map(float, declared[1].split(","))
    points = [point for *_, attributes in drawing.edges for point in _along(attributes["pos"])]
    for x, y in [*points, *((f[i], f[i + 1]) for f in _frames(drawing).values() for i in (0, 2))]:
        assert left <= x <= right
        assert bottom <= y <= top


@given(spec_mappings())
def test_equal_specs_give_equal_text(mapping: dict[str, Any]) -> None:
    """The text depends on the graph alone."""
    texts = {sparx_dsl.dot(_graph(mapping)) for _ in range(2)}
    assert len(texts) == 1


def test_hostile_names_stay_attributes() -> None:
    """Ids are generated: a node's name, whatever it holds, adds no statement."""
    graph = graph_of(FIGURE_2)
    evil = 'x"]; n9 -> n9 [URL="javascript:alert(1)"\n\\'
    renamed = {node.name: f"{evil}{place}" for place, node in enumerate(graph.nodes)}
    nodes = tuple(replace(node, name=renamed[node.name]) for node in graph.nodes)
    edges = tuple(replace(edge, source=renamed[edge.source], target=renamed[edge.target]) for edge in graph.edges)
    hostile = ConnectionGraph(graph.spec, nodes, edges)
    text = sparx_dsl.dot(hostile, fold=False)
    assert len(text.splitlines()) == len(sparx_dsl.dot(graph, fold=False).splitlines())
    assert list(read_dot(text).nodes) == [f"n{place}" for place in range(len(nodes))]
    assert len(read_dot(text).edges) == len(edges)


def test_deep_stages_fold() -> None:
    """A stage of 40 layers with S=2, M=2 and a stage of 18 plain layers become few boxes with the right labels."""
    labels = [node["label"] for node in read_dot(sparx_dsl.dot(graph_of(DEEP))).nodes.values()]
    assert "layers 7–36\n15 × as 5–6" in labels
    assert "5–18\n× 14" in labels, "layer 4 has a reader of its own"
    assert labels.count("22–26\n× 5") == 1


@pytest.mark.parametrize("name", ["figure2", "deep"])
def test_expected_text(name: str, golden: Golden) -> None:
    """The DOT text of the paper's Figure 2, and of a backbone with all that can be drawn."""
    golden.check(sparx_dsl.dot(graph_of({"figure2": FIGURE_2, "deep": DEEP}[name])))


def _graph(mapping: dict[str, Any]) -> ConnectionGraph:
    return sparx_dsl.connect(sparx_dsl.parse_spec(mapping))


def _ends(pos: str) -> tuple[list[float], list[float]]:
    """Where an arrow starts, and its tip, which the last of its pieces begins with."""
    *before, last = pos.split(";")
    tip, *points = last.removeprefix("e,").split(" ")
    start = before[0].split(" ")[0] if before else points[0]
    return [float(x) for x in start.split(",")], [float(x) for x in tip.split(",")]


def _along(pos: str) -> list[tuple[float, float]]:
    """Points along a curve: nine on each of its cubic pieces, by de Casteljau's construction."""
    *before, last = pos.split(";")
    found: list[complex] = []
    for line in (*before, last.split(" ", 1)[1]):
        corners = [complex(*map(float, pair.split(","))) for pair in line.split(" ")]
        for start in range(0, len(corners) - 1, 3):
            for t in (step / 8 for step in range(9)):
                piece: list[complex] = corners[start : start + 4]
                while len(piece) > 1:
                    piece = [a + (b - a) * t for a, b in itertools.pairwise(piece)]
                found += piece
    return [(point.real, point.imag) for point in found]


def _edges(drawing: Drawing) -> list[tuple[str, str, str]]:
    return sorted((drawing.name(a), drawing.name(b), KIND_OF_COLOUR[at["color"]]) for a, b, at in drawing.edges)


def _frames(drawing: Drawing) -> dict[str, tuple[float, float, float, float]]:
    """Left, bottom, right and top of every node, a second outline included."""
    frames: dict[str, tuple[float, float, float, float]] = {}
    for name, attributes in drawing.nodes.items():
        x, y = map(float, attributes["pos"].removesuffix("!").split(","))
        extra = 4 if attributes.get("peripheries") == "2" else 0
        half = [float(attributes[side]) * 36 + extra for side in ("width", "height")]
        frames[name] = (x - half[0], y - half[1], x + half[0], y + half[1])
    return frames


def _touches(frame: tuple[float, float, float, float], point: list[float]) -> bool:
    left, bottom, right, top = frame
    inside = left - 0.1 <= point[0] <= right + 0.1 and bottom - 0.1 <= point[1] <= top + 0.1
    depth = min(point[0] - left, right - point[0], point[1] - bottom, top - point[1])
    return inside and depth <= 8


def _claims(box: Box) -> list[tuple[Node, Node]]:
    """The pairs of layers that a fold says are alike."""
    if box.like:
        return [(node, box.like[place % len(box.like)]) for place, node in enumerate(box.nodes)]
    return [(node, box.nodes[0]) for node in box.nodes[1:]]


def _settings(node: Node) -> object:
    return node.layer_settings


def _readers(graph: ConnectionGraph, node: Node) -> set[tuple[str, str]]:
    return {(edge.target, edge.kind) for edge in graph.edges if edge.source == node.name and edge.kind != "feed"}


def _relative(graph: ConnectionGraph, node: Node) -> list[tuple[object, ...]]:
    """Everything that a layer reads and that reads it, by distance inside its stage and by name outside."""

    def end(name: str) -> object:
        other = graph.node(name)
        return str(other.number - node.number) if other.role == "layer" and other.stage == node.stage else name

    into = [("reads", end(edge.source), edge.kind, edge.slot) for edge in graph.features(node.name)]
    out = [("read", end(name), kind, 0) for name, kind in _readers(graph, node)]
    return sorted(into) + sorted(out)
