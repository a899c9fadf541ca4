"""Text tables: the summary of a compiled backbone, and its cost layer by layer."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.graph.values import EdgeKind
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.render.labels import number_set, stage_heading
from sparx_dsl.render.style import short_mixer_name
from sparx_dsl.render.units import binary_bytes, decimal_count, duration, share
from sparx_dsl.schedule import Schedule

LINK_KINDS: tuple[EdgeKind, ...] = ("intra", "inter", "cross_stage", "added")
WIDTH = 118


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and whether it holds numbers (flush right)."""

    heading: str
    number: bool = False


def summary(
    graph: ConnectionGraph,
    schedule: Schedule,
    cost: Cost,
    seconds: Mapping[str, float] | None = None,
    *,
    width: int = WIDTH,
) -> str:
    """What ``sparx-compile`` prints: one row for each stage, totals, the peak of feature memory and its bound.

    ``seconds`` tells how long the steps of compiling took, by name; ``width`` is in characters. MACs are for one image,
    bytes for the schedule's batch and dtype.
    """
    height, breadth = schedule.size
    heading = f"{graph.spec.name}: {height}×{breadth} pixels, batch {schedule.batch}, {schedule.dtype}"
    lines = [visible(heading), _stages(graph, schedule, cost, width), *_memory(schedule)]
    if seconds:
        lines.append(visible("Time: " + ", ".join(f"{name} {duration(taken)}" for name, taken in seconds.items())))
    return "\n".join(lines)


def cost_table(cost: Cost, *, width: int = WIDTH) -> str:
    """Parameters and MACs (for one image) of every node, and their shares of the whole."""
    amounts = (Column("Params", True), Column("", True), Column("MACs", True), Column("", True))
    columns = [Column("Node"), Column("Parts"), *amounts]
    rows: list[list[str]] = []
    for node, parts in _by_node(cost.rows).items():
        params, macs = sum(row.params for row in parts), sum(row.macs for row in parts)
        rows.append([node, ", ".join(row.part for row in parts), decimal_count(params), share(params, cost.params),
                     decimal_count(macs), share(macs, cost.macs)])  # fmt: skip
    total = ["total", "", decimal_count(cost.params), "", decimal_count(cost.macs), ""]
    return text_table(columns, rows, total, width=width)


def text_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], total: Sequence[str] | None = None, *, width: int
) -> str:
    """A table of at most ``width`` characters a line, without colour; no text is taken for markup."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(Text(visible(column.heading)), justify="right" if column.number else "left")
    body = list(rows)
    for place, row in enumerate(body):
        table.add_row(*(Text(visible(cell)) for cell in row), end_section=total is not None and place == len(body) - 1)
    if total is not None:
        table.add_row(*(Text(visible(cell)) for cell in total))
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())


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
    mixers = dict.fromkeys(short_mixer_name(layer.layer_settings.mixer.kind) for layer in layers)
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


def _by_node(rows: Iterable[CostRow]) -> dict[str, list[CostRow]]:
    found: dict[str, list[CostRow]] = {}
    for row in rows:
        found.setdefault(row.node, []).append(row)
    return found
