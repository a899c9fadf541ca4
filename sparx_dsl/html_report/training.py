"""What training saves for the backward pass, part by part, and what a budget for it would have run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparx_dsl.pricing import Cost, SavedPart, saved_parts
from sparx_dsl.pricing.recompute_choice import choose_recomputed, least_budget, recomputing_costs, whole_budget

QUARTERS, FEWER_QUARTERS = (4, 3, 2, 1, 0), (4, 2, 0)
"""Budgets shown, in quarters of the way from the least to the whole; fewer where choices take seconds."""
MANY_PARTS = 250
WIDTH, HEIGHT = 760.0, 120.0
LEFT = 190.0
CUT_HEIGHT = 16.0


@dataclass(frozen=True, slots=True)
class SavedBar:
    """A part's bar: what is saved inside it and by nothing else, in bytes for the batch."""

    module: str
    part: str
    inner: int
    between: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Cut:
    """A budget in bytes: which parts are run again to stay within it, and the MACs for one image that this adds."""

    budget: int
    recomputed: tuple[str, ...]
    macs: int
    places: tuple[float, ...]
    """Where the parts stand along the bars."""
    y: float


@dataclass(frozen=True, slots=True)
class Training:
    """What training saves: with nothing and with everything run again, by part, and budgets in between."""

    saved: int
    """Bytes that autograd saves with nothing run again."""
    whole: int
    """What a budget counts for that: also the feature buffers that no part saves."""
    least: int
    features: int
    """Bytes of feature buffers and images, which every budget holds."""
    bars: tuple[SavedBar, ...]
    cuts: tuple[Cut, ...]
    bar_width: float
    most: int
    """Bytes of the highest bar."""
    base: float
    width: float
    height: float


def training(cost: Cost) -> Training:
    """What training on the schedule's batch saves, and where budgets cut, in bytes and in MACs for one image."""
    parts = saved_parts(cost.schedule)
    least, whole = least_budget(parts), whole_budget(parts)
    across = WIDTH / len(parts)
    most = max(part.inner for part in parts) or 1
    bars = tuple(_bar(part, LEFT + place * across, across, most) for place, part in enumerate(parts))
    steps = QUARTERS if len(parts) < MANY_PARTS else FEWER_QUARTERS
    budgets = sorted({least + (whole - least) * step // 4 for step in steps}, reverse=True)
    cuts = _cuts(cost, parts, budgets, across)
    height = HEIGHT + 30 + CUT_HEIGHT * len(cuts)
    return Training(
        cost.saved_bytes,
        whole,
        least,
        sum(part.between for part in parts),
        bars,
        cuts,
        across,
        most,
        HEIGHT,
        LEFT + WIDTH + 10,
        height,
    )


def _bar(part: SavedPart, x: float, across: float, most: int) -> SavedBar:
    high = round(HEIGHT * 0.92 * part.inner / most, 2)
    name = part.module.rpartition(".")[2]
    kind = "link" if name.startswith("link_") else name
    return SavedBar(part.module, kind, part.inner, part.between, round(x, 2), HEIGHT - high, round(across, 2), high)


def _cuts(cost: Cost, parts: Sequence[SavedPart], budgets: Sequence[int], across: float) -> tuple[Cut, ...]:
    costs = recomputing_costs(cost.schedule, parts)
    macs = {f"{row.node}.{row.part}": row.macs for row in cost.rows}
    nodes = {row.node: row.macs for row in cost.rows}
    place = {part.module: LEFT + number * across for number, part in enumerate(parts)}
    found: list[Cut] = []
    for row, budget in enumerate(budgets):
        chosen = choose_recomputed(parts, costs, budget) or ()
        again = sum(macs.get(module, nodes.get(module, 0)) for module in chosen)
        places = tuple(round(place[module], 2) for module in chosen if module in place)
        found.append(Cut(budget, chosen, again, places, HEIGHT + 24 + row * CUT_HEIGHT))
    return tuple(found)
