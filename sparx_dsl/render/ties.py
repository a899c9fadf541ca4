"""On which side of its row an arc runs, and how high; and at which height it goes on in the next lane of its stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sparx_dsl.render.fold import Arc, LineKind
from sparx_dsl.render.labels import Label
from sparx_dsl.render.style import ARROW_LENGTH
from sparx_dsl.render.wrap import Lanes

Side = Literal["above", "below"]
Trunk = tuple[int, LineKind]
"""Arcs of one source and one kind, which run together from lane to lane."""

STEP = 6
"""Points between trunks that run side by side."""


def side_of(arc: Arc) -> Side:
    """Intra- and cross-stage connections run below their row, all else above it."""
    return "below" if arc.kind in ("intra", "cross_stage") else "above"


def rise_of(arc: Arc) -> float:
    """How far an arc rises above its ends: slower than its length, yet fast enough that nested arcs do not cross."""
    return 9 + 10 * (arc.target - arc.source) ** 0.8


def half_height(label: Label) -> float:
    """From a box's middle to its upper edge, a second outline included."""
    return label.shape.height / 2 + label.shape.extra


def tie_heights(labels: Sequence[Label], arcs: Sequence[Arc], lanes: Lanes) -> Mapping[Arc, float]:
    """For each arc between two lanes of a stage, how far from the middle lines of their rows it runs between them."""
    stages, of_box = lanes.box_stages, lanes.of_box
    heights: dict[Arc, float] = {}
    for stage in set(stages):
        for side in ("above", "below"):
            own = [arc for arc in arcs if arc.kind != "feed" and stages[arc.source] == stage == stages[arc.target]
                   and side_of(arc) == side]  # fmt: skip
            broken = [arc for arc in own if of_box[arc.source] != of_box[arc.target]]
            half = max(half_height(label) for label, at in zip(labels, stages, strict=True) if at == stage)
            inside = max((rise_of(arc) for arc in own if arc not in broken), default=6.0)
            levels = _levels(broken)
            heights |= {arc: half + inside + ARROW_LENGTH + STEP * (1 + levels[arc.source, arc.kind]) for arc in broken}
    return heights


def _levels(arcs: Sequence[Arc]) -> Mapping[Trunk, int]:
    """From 0, the closest to the boxes, for each trunk: those that run side by side have levels of their own.

    What starts later is closer, so that it crosses nothing where it starts.
    """
    ends: dict[Trunk, int] = {}
    for arc in arcs:
        ends[arc.source, arc.kind] = max(arc.target, ends.get((arc.source, arc.kind), 0))
    levels: dict[Trunk, int] = {}
    for trunk in sorted(ends, reverse=True):
        beside = [level for other, level in levels.items() if other[0] <= ends[trunk]]
        levels[trunk] = max(beside, default=-1) + 1
    return levels
