"""Which parts to recompute so that training stays within a budget of bytes at the least cost: an exact program.

Parts run one after the other, and backward meets them in reverse. While part p is differentiated, memory holds the
feature buffers up to p, the inner tensors of the parts before p that were kept, and those of p, kept or recomputed.
That makes one bound for each part on the bytes kept before it, and a shortest path over the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from sparx_dsl.pricing.cost_rows import price_schedule
from sparx_dsl.pricing.saved import SavedPart
from sparx_dsl.schedule import Schedule

MOST_STATES = 4096
"""Above so many sums of kept bytes, they are rounded up to this many parts of the budget."""
MACS_PER_BYTE = 8
"""How many multiplications a machine does while it moves a byte; what a part costs is what it takes of both."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One way to have come so far: the bytes kept, the cost of recomputing the rest, and what is recomputed."""

    bytes: int
    cost: int
    recomputed: tuple[str, ...]


def least_budget(parts: Sequence[SavedPart]) -> int:
    """The bytes that it takes when every part is recomputed."""
    held = accumulate(part.between for part in parts)
    return max(before + part.inner for before, part in zip(held, parts, strict=True))


def whole_budget(parts: Sequence[SavedPart]) -> int:
    """The bytes that it takes when nothing is recomputed."""
    return sum(part.inner + part.between for part in parts)


def recomputing_costs(schedule: Schedule, parts: Sequence[SavedPart]) -> list[int]:
    """What it takes to run each part once more, in multiplications for one image or the time of as many."""
    rows = price_schedule(schedule).rows
    macs = {f"{row.node}.{row.part}": row.macs for row in rows}
    nodes = {row.node: row.macs for row in rows}
    return [
        macs.get(part.module, nodes.get(part.module, 0)) + MACS_PER_BYTE * part.inner // schedule.batch
        for part in parts
    ]


def choose_recomputed(parts: Sequence[SavedPart], costs: Sequence[int], budget: int) -> tuple[str, ...] | None:
    """The modules to recompute, of least total cost, within the budget; None where no choice is."""
    states = [Kept(0, 0, ())]
    between = 0
    for part, cost in zip(parts, costs, strict=True):
        between += part.between
        room = budget - between - part.inner
        ways: list[Kept] = []
        for state in states:
            if state.bytes <= room:
                ways.append(Kept(state.bytes + part.inner, state.cost, state.recomputed))
                ways.append(Kept(state.bytes, state.cost + cost, (*state.recomputed, part.module)))
        states = undominated(rounded(ways, budget))
    return min(states, key=lambda state: state.cost).recomputed if states else None


def undominated(states: Sequence[Kept]) -> list[Kept]:
    """Those beside which none keeps as little at as low a cost."""
    best: list[Kept] = []
    for state in sorted(states, key=lambda each: (each.bytes, each.cost)):
        if not best or state.cost < best[-1].cost:
            best.append(state)
    return best


def rounded(states: Sequence[Kept], budget: int) -> Sequence[Kept]:
    """The same, with bytes rounded up where there are too many."""
    if len(states) <= MOST_STATES:
        return states
    step = -(-budget // MOST_STATES)
    return [Kept(-(-state.bytes // step) * step, state.cost, state.recomputed) for state in states]
