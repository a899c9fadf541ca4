"""Which layers a picture draws one by one, and which it folds into one box.

Two rules, applied in this order inside each stage; both leave settings (but for the drop-path rate, which rises from
layer to layer) and connections readable:

* **runs**: three or more normal layers in a row with equal settings and the same readers become one box ``4–8``, ×5.
* **repeats**: where a block of layers occurs again and again, each layer with the settings of its counterpart, the
  same reads and the same readers at the same distances, the first occurrence is drawn and stands for the others, which
  become one box ``layers 7–36``, "15 × as 5–6". At least three boxes must be saved.

The folded picture is the quotient of the graph: there is an arc of a kind from one box to another exactly where some
layer of the first is connected in that way to some layer of the second; arcs inside a box are left out. Connections
that the spec cuts from the rule's are arcs of a kind of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.graph.nodes import EdgeKind

SHORTEST_RUN = 3
LEAST_SAVED = 3

LineKind = EdgeKind | Literal["cut"]
"""What an arrow stands for: connections of a kind, or those that the spec cuts from the rule's."""
Signature = tuple[object, ...]
"""What must agree for one layer to stand for another."""


@dataclass(frozen=True, slots=True)
class Box:
    """What is drawn as one shape: a node, a run of equal layers, or repeats of a block drawn before."""

    nodes: tuple[Node, ...]
    like: tuple[Node, ...] = ()
    """For repeats: the layers that these repeat, in order."""

    @property
    def node(self) -> Node:
        """The first node, which speaks for a run."""
        return self.nodes[0]

    @property
    def repeats(self) -> int:
        """How many times the block ``like`` occurs in the box; 0 for what is no repeat."""
        return len(self.nodes) // len(self.like) if self.like else 0


@dataclass(frozen=True, slots=True)
class Arc:
    """An edge of the picture between two boxes, by their places in the drawing's order."""

    source: int
    target: int
    kind: LineKind
    edges: int = 1
    """How many connections it stands for."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a picture shows, before any geometry: boxes in the order in which they run, and arcs."""

    boxes: tuple[Box, ...]
    arcs: tuple[Arc, ...]


def sketch(graph: ConnectionGraph, fold: bool, stages: Collection[int] | None = None) -> Sketch:
    """The boxes and arcs of a graph's picture; without ``fold``, one for each node and for each edge.

    With ``stages``, only what stands in one of these and is connected inside them.
    """
    boxes = [Box((node,)) for node in graph.nodes]
    if fold:
        boxes = _with_repeats(graph, _with_runs(graph, boxes))
    shown = [box for box in boxes if stages is None or box.node.stage in stages]
    return Sketch(tuple(shown), _quotient(graph, shown))


def connections(graph: ConnectionGraph) -> Iterator[tuple[str, str, LineKind]]:
    """Source, target and kind of every connection, and of every one that the spec cuts from the rule's."""
    for edge in graph.edges:
        yield edge.source, edge.target, edge.kind
    for link in graph.spec.links.cut:
        yield link.source, link.target, "cut"


def _quotient(graph: ConnectionGraph, boxes: list[Box]) -> tuple[Arc, ...]:
    place = {node.name: index for index, box in enumerate(boxes) for node in box.nodes}
    arcs: dict[tuple[int, int, LineKind], int] = {}
    for source, target, kind in connections(graph):
        if source in place and target in place and place[source] != place[target]:
            ends = (place[source], place[target], kind)
            arcs[ends] = arcs.get(ends, 0) + 1
    return tuple(Arc(*ends, count) for ends, count in arcs.items())


def _with_runs(graph: ConnectionGraph, boxes: list[Box]) -> list[Box]:
    folded: list[Box] = []
    start = 0
    while start < len(boxes):
        stop = start + 1
        node = boxes[start].node
        while stop < len(boxes) and _same_run(graph, node, boxes[stop].node):
            stop += 1
        if stop - start >= SHORTEST_RUN:
            folded.append(Box(tuple(box.node for box in boxes[start:stop])))
        else:
            folded += boxes[start:stop]
        start = stop
    return folded


def _same_run(graph: ConnectionGraph, first: Node, other: Node) -> bool:
    if first.role != "layer" or other.role != "layer" or first.stage != other.stage or first.ganglion or other.ganglion:
        return False
    return first.settings == other.settings and _reader_names(graph, first) == _reader_names(graph, other)


def _reader_names(graph: ConnectionGraph, node: Node) -> set[tuple[str, EdgeKind]]:
    return {(edge.target, edge.kind) for edge in graph.readers(node.name)}


def _with_repeats(graph: ConnectionGraph, boxes: list[Box]) -> list[Box]:
    signatures = [_box_signature(graph, box) for box in boxes]
    folded: list[Box] = []
    start = 0
    while start < len(boxes):
        size, times = _repetition(signatures, start)
        stop = start + size * times
        if size * (times - 1) > LEAST_SAVED:
            folded += boxes[start : start + size]
            like = tuple(node for box in boxes[start : start + size] for node in box.nodes)
            folded.append(Box(tuple(node for box in boxes[start + size : stop] for node in box.nodes), like))
        else:
            stop = start + 1
            folded.append(boxes[start])
        start = stop
    return folded


def _repetition(signatures: list[Signature], start: int) -> tuple[int, int]:
    """The size and the number of occurrences of the smallest block from ``start`` whose repeats are worth a fold."""
    for size in range(1, (len(signatures) - start) // 2 + 1):
        times = 1
        block = signatures[start : start + size]
        while signatures[start + size * times : start + size * (times + 1)] == block:
            times += 1
        if size * (times - 1) > LEAST_SAVED:
            return size, times
    return 1, 1


def _box_signature(graph: ConnectionGraph, box: Box) -> Signature:
    node = box.node
    if node.role != "layer":
        return (node.name,)
    return (node.stage, *(_layer_signature(graph, layer) for layer in box.nodes))


def _layer_signature(graph: ConnectionGraph, node: Node) -> Signature:
    reads = tuple((edge.kind, _distance(graph.node(edge.source), node)) for edge in graph.features(node.name))
    readers = graph.readers(node.name)
    read_by = tuple(sorted((edge.kind, str(_distance(graph.node(edge.target), node))) for edge in readers))
    return (node.settings, reads, read_by)


def _distance(other: Node, node: Node) -> int | str:
    """How many layers apart, inside a stage; by name what is no layer of the same stage."""
    return other.number - node.number if other.role == "layer" and other.stage == node.stage else other.name
