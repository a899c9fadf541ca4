"""What several listings say of a backbone: its name and sizes, its sums, and its steps by stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparx_dsl.errors.escape import visible
from sparx_dsl.language.resolve import stage_name
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.schedule import Schedule

HEAD = "head"


def heading(schedule: Schedule) -> str:
    """The backbone's name, and what its MACs and bytes are counted for."""
    height, width = schedule.size
    name = schedule.graph.spec.name
    return visible(f"{name}: {height}×{width} pixels, batch {schedule.batch}, {schedule.dtype}")


def price_facts(cost: Cost) -> Mapping[str, Any]:
    """The sums of a price as JSON values: MACs and FLOPs for one image, bytes for the whole batch."""
    schedule = cost.schedule
    return {
        "name": schedule.graph.spec.name, "size": list(schedule.size), "batch": schedule.batch, "dtype": schedule.dtype,
        "params": cost.params, "convention": cost.convention, "macs": cost.macs, "flops": cost.flops,
        "traffic_bytes": cost.traffic_bytes,
        "saved_bytes": cost.saved_bytes, "peak_bytes": cost.peak_bytes, "bound_bytes": cost.bound_bytes,
    }  # fmt: skip


def stage_rows(cost: Cost) -> dict[str, list[CostRow]]:
    """The steps of each stage by its name, and those of the head apart; the stem belongs to the first stage."""
    graph = cost.schedule.graph
    heads = {node.name for node in graph.nodes if node.role == "head"}
    names = [stage_name(graph.spec, index) for index in range(len(graph.spec.stages))]
    found: dict[str, list[CostRow]] = {name: [] for name in (*names, HEAD)}
    for row in cost.rows:
        found[HEAD if row.node in heads else names[row.stage - 1]].append(row)
    return found
