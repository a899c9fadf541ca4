"""The summary of a compiled backbone as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.registry import default_registry
from sparx_dsl.render.labels import number_set, stage_heading
from sparx_dsl.render.text_table import WIDTH, Column, text_table
from sparx_dsl.render.units import binary_bytes, decimal_count, duration, share
from sparx_dsl.schedule import Schedule

LINK_KINDS: tuple[EdgeKind, ...] = ("intra", "inter", "cross_stage", "added")


def summary(
    graph: ConnectionGraph,
    schedule: Schedule,
    cost: Cost,
    seconds: Mapping[str, float] | None = None,
    *,
    width: int = WIDTH,
) -> str:
    """What ``sparx-compile`` prints: one row for each stage, totals, the peak of feature memory and its bound.

    ``seconds`` is how long the steps of compiling took, by name; ``width`` is in characters. MACs are for one image,
    bytes for the schedule's batch and dtype.
    """
    height, breadth = schedule.size
    heading = f"{graph.spec.name}: {height}×{breadth} pixels, batch {schedule.batch}, {schedule.dtype}"
    lines = [visible(heading), _stages(graph, schedule, cost, width), *_memory(schedule)]
    if seconds:
        lines.append(visible("Time: " + ", ".join(f"{name} {duration(taken)}" for name, taken in seconds.items())))
    return "\n".join(lines)


def _stages(graph: ConnectionGraph, schedule: Schedule, cost: Cost, width: int) -> str:
    kinds: list[EdgeKind] = [kind for kind in LINK_KINDS if graph.count(kind)]
    sizes = [Column("Map", True), Column("Channels", True), Column("Layers", True)]
    rules = [Column("S", True), Column("M", True), Column("Mixer"), *(Column(_heading(kind), True) for kind in kinds)]
    columns = [Column("Stage"), *sizes, Column("Ganglion"), *rules, Column("Params", True), Column("MACs", True)]
    heads = {node.name for node in graph.nodes if node.role == "head"}
    rows = [_stage(graph, schedule, cost, stage, kinds, heads) for stage in range(1, len(graph.spec.stages) + 1)]
    if heads:
        own = [row for row in cost.rows if row.node in heads]
        rows.append(["head", *[""] * (7 + len(kinds)), *_sums(own)])
    links = [str(graph.count(kind)) for kind in kinds]
    ganglion = sum(node.ganglion for node in graph.nodes)
    total = ["total", "", "", str(len(graph.layers())), str(ganglion), "", "", "", *links,
             decimal_count(cost.params), decimal_count(cost.macs)]  # fmt: skip
    return text_table(columns, rows, total, width=width)


def _stage(
    graph: ConnectionGraph, schedule: Schedule, cost: Cost, stage: int, kinds: Sequence[EdgeKind], heads: set[str]
) -> list[str]:
    options, layers = graph.spec.stages[stage - 1], graph.layers(stage)
    height, breadth = layers[0].map_size(schedule.size)
    ganglion = number_set(tuple(layer.number for layer in layers if layer.ganglion))
    of = default_registry().of
    mixers = dict.fromkeys(of("mixer", layer.layer_settings.mixer).short_title for layer in layers)
    priced = [row for row in cost.rows if row.stage == stage and row.node not in heads]
    window = str(options.M or "all") if ganglion else "–"
    name = stage_heading(graph, stage).removeprefix("Stage ")
    links = [str(graph.count(kind, stage)) for kind in kinds]
    sizes = [f"{height}×{breadth}", str(layers[0].channels), str(len(layers))]
    rules = [f"{{{ganglion}}}" if ganglion else "–", str(options.S or "–"), window, ", ".join(mixers)]
    return [name, *sizes, *rules, *links, *_sums(priced)]


def _sums(rows: Sequence[CostRow]) -> list[str]:
    return [decimal_count(sum(row.params for row in rows)), decimal_count(sum(row.macs for row in rows))]


def _memory(schedule: Schedule) -> list[str]:
    peak, bound = schedule.peak_bytes, schedule.bound_bytes
    place = visible(schedule.peak_step.output)
    return [
        f"Peak feature memory: {binary_bytes(peak)}, at {place}",
        f"Lower bound for any order of the steps: {binary_bytes(bound)} ({share(bound, peak)} of the peak)",
    ]


def _heading(kind: EdgeKind) -> str:
    return {"cross_stage": "cross-stage"}.get(kind, kind)
