"""A compiled spec as plain values, for other programs."""

from __future__ import annotations

from typing import Any

from sparx_dsl.graph import Node
from sparx_dsl.pricing import Cost, CostRow, EdgeCost, price_schedule
from sparx_dsl.schedule import Free, Schedule
from sparx_dsl.schedule.step import call


def report(source: Schedule | Cost) -> dict[str, Any]:
    """Nodes, edges, prices and memory of a schedule, or of one that is priced already, as JSON values.

    Bytes are for the schedule's size, batch and dtype.
    """
    price = source if isinstance(source, Cost) else price_schedule(source)
    schedule = price.schedule
    graph = schedule.graph
    carried = {(edge.source, edge.target, edge.kind): edge for edge in price.edges}
    return {
        "name": graph.spec.name,
        "size": list(schedule.size),
        "batch": schedule.batch,
        "dtype": schedule.dtype,
        "params": price.params,
        "convention": price.convention,
        "macs": price.macs,
        "flops": price.flops,
        "traffic_bytes": price.traffic_bytes,
        "saved_bytes": price.saved_bytes,
        "peak_bytes": schedule.peak_bytes,
        "bound_bytes": schedule.bound_bytes,
        "nodes": [_node(node, schedule) for node in graph.nodes],
        "edges": [
            {"from": edge.source, "to": edge.target, "kind": edge.kind, "slot": edge.slot, "reason": edge.reason,
             **_carried(carried.get((edge.source, edge.target, edge.kind)))}
            for edge in graph.edges
        ],
        "prices": [_price(row) for row in price.rows],
        "steps": [f"free {step.buffer}" if isinstance(step, Free) else call(step) for step in schedule.steps],
    }  # fmt: skip


def _price(row: CostRow) -> dict[str, Any]:
    return {"node": row.node, "part": row.part, "params": row.params, "macs": row.macs, "flops": row.flops,
            "traffic_bytes": row.traffic_bytes, "saved_bytes": row.saved_bytes}  # fmt: skip


def _carried(edge: EdgeCost | None) -> dict[str, int]:
    """What a connection costs; nothing for one between nodes that do not run."""
    return {} if edge is None else {"bytes": edge.bytes, "params": edge.params, "macs": edge.macs}


def _node(node: Node, schedule: Schedule) -> dict[str, Any]:
    return {
        "name": node.name,
        "role": node.role,
        "stage": node.stage,
        "channels": node.channels,
        "stride": node.stride,
        "map": list(node.map_size(schedule.size)),
        "ganglion": node.ganglion,
    }
