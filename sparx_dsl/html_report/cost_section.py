"""What every layer costs, part by part, and what each reads and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph, Edge, Node
from sparx_dsl.graph.nodes import describe
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.render.labels import stage_heading
from sparx_dsl.render.style import LINES


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as a reader sees it: the node at its other end, its kind by name, its slot, and why it exists."""

    node: str
    kind: str
    slot: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodePrice:
    """A node with all that a reader may ask of it: what it is, what it reads and why, who reads it, what it costs."""

    name: str
    what: str
    ganglion: bool
    fed_by: str
    reads: tuple[Connection, ...]
    readers: tuple[Connection, ...]
    total: CostRow
    parts: tuple[CostRow, ...]


@dataclass(frozen=True, slots=True)
class StagePrice:
    """A stage with its nodes, in the order in which they run."""

    heading: str
    total: CostRow
    nodes: tuple[NodePrice, ...]


def stage_prices(cost: Cost) -> tuple[StagePrice, ...]:
    """The price of every stage, node and part: parameters, MACs and FLOPs for one image, bytes for the batch."""
    graph = cost.schedule.graph
    running = dict.fromkeys(row.node for row in cost.rows)
    nodes = [_node_price(cost, graph, node) for node in graph.nodes if node.name in running]
    # Adapters of links run early, so that rows alone are in another order.
    stages = sorted({row.stage for row in cost.rows})
    return tuple(
        StagePrice(
            stage_heading(graph, stage), cost.of_stage(stage), tuple(one for one in nodes if one.total.stage == stage)
        )
        for stage in stages
    )


def _node_price(cost: Cost, graph: ConnectionGraph, node: Node) -> NodePrice:
    feed = graph.feed(node.name)
    return NodePrice(
        node.name,
        describe(node),
        node.ganglion,
        feed.source if feed else "the image",
        tuple(_connection(edge, edge.source) for edge in graph.features(node.name)),
        tuple(_readers(graph, node)),
        cost.of_node(node.name),
        tuple(row for row in cost.rows if row.node == node.name),
    )


def _readers(graph: ConnectionGraph, node: Node) -> Iterator[Connection]:
    for edge in graph.edges:
        if edge.source == node.name:
            yield _connection(edge, edge.target)


def _connection(edge: Edge, other: str) -> Connection:
    return Connection(other, LINES[edge.kind].name, edge.slot, edge.reason)
