"""What a backbone costs, as tables: node by node, stage by stage, and what its connections carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.pricing import Cost, CostRow, EdgeCost
from sparx_dsl.render.facts import heading, price_facts, stage_rows
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.text_table import WIDTH
from sparx_dsl.render.units import binary_bytes, decimal_count, percent

AMOUNTS = (
    Field("params", "Params", decimal_count, True), Field("", "", percent, True),
    Field("macs", "MACs", decimal_count, True), Field("", "", percent, True),
    Field("flops", "FLOPs", decimal_count, True), Field("traffic_bytes", "Traffic", binary_bytes, True),
    Field("saved_bytes", "Saved", binary_bytes, True),
)  # fmt: skip
CONNECTIONS = (
    Field("kind", "Connections", lambda kind: kind.replace("_", "-")), Field("count", "Count", number=True),
    Field("carried_bytes", "Carried", binary_bytes, True),
    Field("adapter_params", "Adapter params", decimal_count, True),
    Field("adapter_macs", "Adapter MACs", decimal_count, True),
)  # fmt: skip
EDGE_KINDS: tuple[EdgeKind, ...] = ("feed", "intra", "inter", "cross_stage", "added", "tap")


def cost_listing(cost: Cost) -> Listing:
    """Parameters, MACs and FLOPs (for one image), memory traffic and bytes saved of every node and stage, with shares.

    Below them the bytes that connections carry, by kind, the peak, and what training saves. Bytes are for the
    schedule's batch and dtype. The CSV has a line for each node.
    """
    names = dict.fromkeys(row.node for row in cost.rows)
    parts = {name: tuple(row.part for row in cost.rows if row.node == name) for name in names}
    total = ("total", None, None, *_amounts(cost, cost.whole))
    nodes = Table(
        "nodes", (Field("node", "Node"), Field("kind", "Kind"), Field("parts", "Parts"), *AMOUNTS),
        tuple((name, _kind(cost, name), parts[name], *_amounts(cost, cost.of_node(name))) for name in names), total,
    )  # fmt: skip
    stages = Table("stages", (Field("stage", "Stage"), *AMOUNTS), tuple(_stages(cost)))
    connections = Table("connections", CONNECTIONS, tuple(_connections(cost.edges)))
    place = visible(cost.schedule.peak_step.output)
    lines = (
        Line(f"Peak feature memory: {binary_bytes(cost.peak_bytes)}, at {place}"),
        Line(f"Saved for backward: {binary_bytes(cost.saved_bytes)}"),
    )
    tables = (nodes, stages, connections)
    carried = [connections] if connections.rows else []
    shown = (Line(heading(cost.schedule)), nodes.without("parts"), stages, *carried, *lines)
    return Listing("sparx.cost", price_facts(cost), tables, shown)


def cost_table(cost: Cost, *, width: int = WIDTH) -> str:
    """The text of ``cost_listing`` at ``width`` characters."""
    return cost_listing(cost).as_text(width)


def _kind(cost: Cost, name: str) -> str:
    """What a node is: a normal or a ganglion layer, or its role."""
    node = cost.schedule.graph.node(name)
    return node.role if node.role != "layer" else "ganglion" if node.ganglion else "normal"


def _stages(cost: Cost) -> Iterator[tuple[Value, ...]]:
    """A row for each stage, and one for the head where it costs anything."""
    for name, rows in stage_rows(cost).items():
        if rows:
            yield name, *_amounts_of_rows(cost, rows)


def _amounts_of_rows(cost: Cost, rows: Sequence[CostRow]) -> Iterator[Value]:
    params, macs = sum(row.params for row in rows), sum(row.macs for row in rows)
    yield from (params, _part(params, cost.params), macs, _part(macs, cost.macs), sum(row.flops for row in rows))
    yield sum(row.traffic_bytes for row in rows)
    yield sum(row.saved_bytes for row in rows)


def _amounts(cost: Cost, row: CostRow) -> Iterator[Value]:
    return _amounts_of_rows(cost, [row])


def _part(amount: int, whole: int) -> float | None:
    return amount / whole if whole else None


def _connections(edges: Sequence[EdgeCost]) -> Iterator[tuple[Value, ...]]:
    for kind in EDGE_KINDS:
        found = [edge for edge in edges if edge.kind == kind]
        if found:
            carried, params = sum(edge.bytes for edge in found), sum(edge.params for edge in found)
            yield kind, len(found), carried, params, sum(edge.macs for edge in found)
