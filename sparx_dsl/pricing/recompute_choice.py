"""Which parts to recompute so that training stays within a budget of bytes at the least cost: an exact program.

Parts run one after the other, and backward meets them in reverse. While part p is differentiated, memory holds the
feature buffers up to p, the inner tensors of the parts before p that were kept, and those of p, kept or recomputed.
That makes one bound for each part on the bytes kept before it, and a shortest path over the chain. Of a fusion that is
recomputed, the features can be gathered again too: their concatenation is then held only while it is differentiated, as
memory-efficient DenseNets have it (Pleiss et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import itemgetter

from sparx_dsl.pricing.cost_rows import price_schedule
from sparx_dsl.pricing.saved import SavedPart
from sparx_dsl.schedule import Schedule

MOST_STATES = 4096
"""Above so many sums of kept bytes, they are rounded up to this many parts of the budget."""
MACS_PER_BYTE = 8
"""How many multiplications a machine does while it moves a byte; what a part costs is what it takes of both."""


GATHER = "gather"
"""What stands for the gathering of a layer's features among the modules to recompute: ``stage3.layer5.gather``."""

Chain = tuple[str, "Chain | None"]
"""What is recomputed, and the chain of those before it."""
Kept = tuple[int, int, Chain | None]
"""One way to have come so far: the bytes kept, the cost of recomputing the rest, and what is recomputed."""


def least_budget(parts: Sequence[SavedPart]) -> int:
    """The bytes that it takes when every part is recomputed, and features are gathered again."""
    held = accumulate(part.between - part.gathered for part in parts)
    return max(before + part.inner + part.gathered for before, part in zip(held, parts, strict=True))


def whole_budget(parts: Sequence[SavedPart]) -> int:
    """The bytes that it takes when nothing is recomputed."""
    return sum(part.inner + part.between for part in parts)


def recomputing_costs(schedule: Schedule, parts: Sequence[SavedPart]) -> list[tuple[int, int]]:
    """What it takes to run each part once more, and to gather its features once more, in multiplications for an image.

    Moving a byte takes as long as some of them."""
    rows = price_schedule(schedule).rows
    macs = {f"{row.node}.{row.part}": row.macs for row in rows}
    nodes = {row.node: row.macs for row in rows}
    return [
        (
            macs.get(part.module, nodes.get(part.module, 0)) + MACS_PER_BYTE * part.inner // schedule.batch,
            MACS_PER_BYTE * part.gathered // schedule.batch,
        )
        for part in parts
    ]


def choose_recomputed(
    parts: Sequence[SavedPart], costs: Sequence[tuple[int, int]], budget: int
) -> tuple[str, ...] | None:
    """What to recompute, of least total cost, within the budget; None where no choice is.

    ``costs`` are those of running each part again and of gathering its features again. Gives the modules of parts, each
    behind the gathering for it where that is done again too.
    """
    if budget >= whole_budget(parts):
        return ()
    states: list[Kept] = [(0, 0, None)]
    between = 0
    for part, (run, gather) in zip(parts, costs, strict=True):
        between += part.between - part.gathered
        room = budget - between - part.gathered - part.inner
        fitting = [state for state in states if state[0] <= room]
        kept: list[Kept] = [(held + part.gathered + part.inner, price, chain) for held, price, chain in fitting]
        again: list[Kept] = [
            (held + part.gathered, price + run, (part.module, chain)) for held, price, chain in fitting
        ]
        if part.gathered:
            path, cost = gathering(part.module), run + gather
            again += [(held, price + cost, (part.module, (path, chain))) for held, price, chain in fitting]
        states = rounded(undominated([*again, *kept]), budget)
    return _modules(min(states, key=itemgetter(1))[2]) if states else None


def gathering(fusion: str) -> str:
    """What stands for the gathering of the features that a fusion reads, by the path of its module."""
    return f"{fusion.rpartition('.')[0]}.{GATHER}"


def undominated(states: Iterable[Kept]) -> list[Kept]:
    """Those beside which none keeps as little at as low a cost, by rising bytes."""
    best: list[Kept] = []
    # Two or three rising runs, which sorting only merges.
    for state in sorted(states, key=itemgetter(0, 1)):
        if not best or state[1] < best[-1][1]:
            best.append(state)
    return best


def rounded(states: list[Kept], budget: int) -> list[Kept]:
    """The same, with bytes rounded up where there are too many; of those that then keep as much, the cheapest."""
    if len(states) <= MOST_STATES:
        return states
    step = -(-budget // MOST_STATES)
    # Costs fall, so that the last of equal bytes is the cheapest.
    coarse = ((-(-held // step) * step, cost, chain) for held, cost, chain in states)
    return list({state[0]: state for state in coarse}.values())


def _modules(chain: Chain | None) -> tuple[str, ...]:
    found: list[str] = []
    while chain is not None:
        module, chain = chain
        found.append(module)
    return tuple(reversed(found))
