"""What a backbone costs, as text: node by node, stage by stage, and what its connections carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.pricing import Cost, CostRow, EdgeCost
from sparx_dsl.render.text_table import WIDTH, Column, text_table
from sparx_dsl.render.units import binary_bytes, decimal_count, share

AMOUNTS = (Column("Params", True), Column("", True), Column("MACs", True), Column("", True), Column("FLOPs", True),
           Column("Traffic", True), Column("Saved", True))  # fmt: skip
EDGE_KINDS: tuple[EdgeKind, ...] = ("feed", "intra", "inter", "cross_stage", "added", "tap")


def cost_table(cost: Cost, *, width: int = WIDTH) -> str:
    """Parameters, MACs and FLOPs (for one image), memory traffic and bytes saved of every node and stage, with shares.

    Below them the bytes that connections carry, by kind, the peak, and what training saves. Bytes are for the
    schedule's batch and dtype.
    """
    nodes = dict.fromkeys(row.node for row in cost.rows)
    parts = {node: " ".join(row.part for row in cost.rows if row.node == node) for node in nodes}
    rows = [[node, parts[node], *_amounts(cost, cost.of_node(node))] for node in nodes]
    total = ["total", "", *_amounts(cost, cost.whole)]
    stages = [
        [str(stage), *_amounts(cost, cost.of_stage(stage))] for stage in dict.fromkeys(row.stage for row in cost.rows)
    ]
    place = visible(cost.schedule.peak_step.output)
    return "\n".join([
        text_table([Column("Node"), Column("Parts"), *AMOUNTS], rows, total, width=width),
        text_table([Column("Stage"), *AMOUNTS], stages, width=width),
        *_connections(cost.edges, width),
        f"Peak feature memory: {binary_bytes(cost.peak_bytes)}, at {place}",
        f"Saved for backward: {binary_bytes(cost.saved_bytes)}",
    ])  # fmt: skip


def _connections(edges: Iterable[EdgeCost], width: int) -> Iterable[str]:
    """The table of connections by kind; nothing where there are none."""
    of_kind = {kind: [edge for edge in edges if edge.kind == kind] for kind in EDGE_KINDS}
    columns = [Column("Connections"), Column("Count", True), Column("Carried", True), Column("Adapter params", True),
               Column("Adapter MACs", True)]  # fmt: skip
    rows = [_carried(kind, found) for kind, found in of_kind.items() if found]
    if rows:
        yield text_table(columns, rows, width=width)


def _carried(kind: str, edges: Sequence[EdgeCost]) -> list[str]:
    carried = binary_bytes(sum(edge.bytes for edge in edges))
    params, macs = sum(edge.params for edge in edges), sum(edge.macs for edge in edges)
    return [kind.replace("_", "-"), str(len(edges)), carried, decimal_count(params), decimal_count(macs)]


def _amounts(cost: Cost, row: CostRow) -> list[str]:
    return [
        decimal_count(row.params), share(row.params, cost.params), decimal_count(row.macs), share(row.macs, cost.macs),
        decimal_count(row.flops), binary_bytes(row.traffic_bytes), binary_bytes(row.saved_bytes),
    ]  # fmt: skip
