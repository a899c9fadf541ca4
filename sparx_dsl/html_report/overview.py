"""What a backbone is, in sentences, and its figures: the first thing that a reader of a report sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.graph.nodes import EdgeKind
from sparx_dsl.pricing import Cost

Unit = Literal["count", "bytes"]
READ: tuple[EdgeKind, ...] = ("intra", "inter", "cross_stage", "added")
"""The kinds of connections by which ganglion layers read features."""
KIND_WORDS: Mapping[EdgeKind, str] = {
    "intra": "intra-stage connection",
    "inter": "inter-connection",
    "cross_stage": "cross-stage connection",
    "added": "added link",
}
"""What a connection of each kind is called."""


@dataclass(frozen=True, slots=True)
class Amount:
    """One figure of a backbone: its name, its exact value, its unit, and what it counts."""

    name: str
    value: int
    unit: Unit
    meaning: str


def amounts(cost: Cost) -> tuple[Amount, ...]:
    """The figures of a backbone, exact: parameters, MACs and FLOPs for one image, bytes for the schedule's batch."""
    graph = cost.schedule.graph
    ganglion = sum(layer.ganglion for layer in graph.layers())
    return (
        Amount("Parameters", cost.params, "count", "trained weights"),
        Amount("MACs", cost.macs, "count", "multiply-accumulates for one image, as the paper counts them"),
        Amount("FLOPs", cost.flops, "count", "floating-point operations for one image"),
        Amount("Peak memory", cost.peak_bytes, "bytes", "the most bytes of feature buffers held at once"),
        Amount("Lower bound", cost.bound_bytes, "bytes", "no order of the same steps can keep the peak below this"),
        Amount("Saved bytes", cost.saved_bytes, "bytes", "what training keeps for the backward pass"),
        Amount("Ganglion layers", ganglion, "count", f"of {len(graph.layers())} layers"),
        Amount("Connections", _connections(graph), "count", "features that ganglion layers read"),
    )


def sentences(cost: Cost) -> tuple[str, ...]:
    """The backbone in a few plain sentences."""
    schedule = cost.schedule
    graph = schedule.graph
    layers, stages = graph.layers(), graph.spec.stages
    ganglion = sum(layer.ganglion for layer in layers)
    height, width = schedule.size
    depths = [str(stage.depth) for stage in stages]
    kind = next((node.options.kind for node in graph.nodes if node.role == "head" and node.options is not None), None)
    end = "" if kind is None else f", and a {kind.replace('_', ' ')} head"
    first = (
        f"{graph.spec.name} is a vision backbone: images of {height}×{width} pixels pass through a stem, "
        f"{plural(len(stages), 'stage')} of {listed(depths)} layers{end}."
    )
    if not ganglion:
        return (first, "It has no ganglion layers: each layer reads the layer before it, and nothing else.")
    kinds = [plural(graph.count(kind), word) for kind, word in KIND_WORDS.items() if graph.count(kind)]
    return (
        first,
        f"{ganglion} of its {plural(len(layers), 'layer')} {'is a' if ganglion == 1 else 'are'} "
        f"ganglion layer{'s' if ganglion > 1 else ''}, which also read features of several earlier layers: "
        f"{plural(_connections(graph), 'feature')} in all, over {listed(kinds)}.",
    )


def plural(count: int, noun: str) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{count} {noun}{'s' if count != 1 else ''}"


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _connections(graph: ConnectionGraph) -> int:
    return sum(graph.count(kind) for kind in READ)
