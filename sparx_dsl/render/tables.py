"""The summary of a compiled backbone as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.pricing import Cost, CostRow
from sparx_dsl.registry import default_registry
from sparx_dsl.render.facts import heading, price_facts, stage_rows
from sparx_dsl.render.labels import number_set
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.text_table import WIDTH
from sparx_dsl.render.units import binary_bytes, decimal_count, duration, share
from sparx_dsl.schedule import Schedule

LINK_KINDS: Mapping[EdgeKind, str] = {"intra": "intra", "inter": "inter", "cross_stage": "cross", "added": "added"}
"""The kinds of features, and the headings of their columns."""


def shown_layers(numbers: tuple[int, ...] | int) -> str:
    """A set of layers in short form, ``{1, 3, …, 21}``, or how many there are."""
    if isinstance(numbers, int):
        return str(numbers)
    return f"{{{number_set(numbers)}}}" if numbers else "–"


SIZES = (
    Field("stage", "Stage"), Field("map", "Map", lambda size: "×".join(map(str, size)), True, ""),
    Field("channels", "Channels", number=True, absent=""), Field("layers", "Layers", number=True, absent=""),
    Field("ganglion", "Ganglion", shown_layers, absent=""),
)  # fmt: skip
RULE = (
    Field("S", "S", number=True, absent=""), Field("M", "M", number=True, absent=""),
    Field("mixers", "Mixer", ", ".join, absent=""),
)  # fmt: skip
LINKS = tuple(Field(kind, title, number=True, absent="") for kind, title in LINK_KINDS.items())
PRICES = (Field("params", "Params", decimal_count, True), Field("macs", "MACs", decimal_count, True))


def summary_listing(
    graph: ConnectionGraph,
    schedule: Schedule,
    cost: Cost,
    seconds: Mapping[str, float] | None = None,
    lines: Sequence[str] = (),
) -> Listing:
    """What ``sparx-compile`` prints: a row for each stage, totals, the peak of feature memory and its bound.

    ``seconds`` is how long the steps of compiling took, by name; ``lines`` are sentences to end with. MACs are for one
    image, bytes for the schedule's batch and dtype.
    """
    stages = _stages(graph, schedule, cost)
    taken = ", ".join(f"{name} {duration(elapsed)}" for name, elapsed in (seconds or {}).items())
    times = [f"Time: {taken}"] if seconds else []
    after = [Line(visible(line)) for line in (*_memory(schedule), *times, *lines)]
    return Listing("sparx.compile", price_facts(cost), (stages,), (Line(heading(schedule)), _shown(stages), *after))


def summary(
    graph: ConnectionGraph,
    schedule: Schedule,
    cost: Cost,
    seconds: Mapping[str, float] | None = None,
    *,
    width: int = WIDTH,
) -> str:
    """The text of ``summary_listing`` at ``width`` characters."""
    return summary_listing(graph, schedule, cost, seconds).as_text(width)


def _stages(graph: ConnectionGraph, schedule: Schedule, cost: Cost) -> Table:
    rows = [
        _stage(graph, schedule, stage, name, found)
        for stage, (name, found) in enumerate(stage_rows(cost).items(), start=1)
        if found
    ]
    ganglion = tuple(node.number for node in graph.nodes if node.ganglion)
    total = ("total", None, None, len(graph.layers()), len(ganglion), None, None, None,
             *(graph.count(kind) for kind in LINK_KINDS), cost.params, cost.macs)  # fmt: skip
    return Table("stages", (*SIZES, *RULE, *LINKS, *PRICES), tuple(rows), total)


def _shown(stages: Table) -> Table:
    """The table without the kinds of links of which there are none."""
    empty = [field.key for field, total in zip(stages.fields, stages.total or (), strict=True)
             if field in LINKS and not total]  # fmt: skip
    return stages.without(*empty)


def _stage(
    graph: ConnectionGraph, schedule: Schedule, stage: int, name: str, rows: Sequence[CostRow]
) -> tuple[Value, ...]:
    prices = (sum(row.params for row in rows), sum(row.macs for row in rows))
    if stage > len(graph.spec.stages):
        return (name, *[None] * (len(SIZES) + len(RULE) + len(LINKS) - 1), *prices)
    options, layers = graph.spec.stages[stage - 1], graph.layers(stage)
    ganglion = tuple(layer.number for layer in layers if layer.ganglion)
    of = default_registry().of
    mixers = tuple(dict.fromkeys(of("mixer", layer.layer_settings.mixer).short_title for layer in layers))
    sizes = (name, layers[0].map_size(schedule.size), layers[0].channels, len(layers), ganglion)
    return (*sizes, options.S, (options.M or "all") if ganglion else None, mixers,
            *(graph.count(kind, stage) for kind in LINK_KINDS), *prices)  # fmt: skip


def _memory(schedule: Schedule) -> list[str]:
    peak, bound = schedule.peak_bytes, schedule.bound_bytes
    place = schedule.peak_step.output
    return [
        f"Peak feature memory: {binary_bytes(peak)}, at {place}",
        f"Lower bound for any order of the steps: {binary_bytes(bound)} ({share(bound, peak)} of the peak)",
    ]
