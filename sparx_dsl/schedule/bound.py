"""A bound that no order of the steps can beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparx_dsl.schedule.step import Gather, Run


def lower_bound(steps: Sequence[Run | Gather], sizes: Mapping[str, int], outputs: Sequence[str]) -> int:
    """The least peak in bytes that any order of ``steps`` can reach, or less; ``steps`` are given in one valid order.

    Whatever the order, when a step runs, its inputs and its output are held, and so is every buffer that was written
    by an ancestor of the step (so it exists) and is read by the step or a descendant of it, or is an output (so it is
    still wanted). Their sum, at its largest, bounds the peak from below; on a chain with skips it is the peak.
    """
    writer = {step.output: place for place, step in enumerate(steps)}
    ancestors = _ancestors(steps, writer)
    wanted_by = _readers(steps, sizes, outputs)
    descendants = _descendants(ancestors)
    return max(
        _forced(place, step, ancestors[place], descendants[place], wanted_by, writer, sizes)
        for place, step in enumerate(steps)
    )


def _ancestors(steps: Sequence[Run | Gather], writer: Mapping[str, int]) -> list[int]:
    """For each step, the steps that must come before it, as a bit set."""
    found: list[int] = []
    for step in steps:
        bits = 0
        for name in step.inputs:
            if name in writer:
                bits |= found[writer[name]] | (1 << writer[name])
        found.append(bits)
    return found


def _descendants(ancestors: Sequence[int]) -> list[int]:
    """For each step, the steps that must come after it, as a bit set."""
    found = [0] * len(ancestors)
    for place, bits in enumerate(ancestors):
        while bits:
            lowest = bits & -bits
            found[lowest.bit_length() - 1] |= 1 << place
            bits ^= lowest
    return found


def _readers(steps: Sequence[Run | Gather], sizes: Mapping[str, int], outputs: Sequence[str]) -> dict[str, int]:
    """For each buffer the steps that read it, as a bit set; an output is wanted by a step past the last."""
    readers = dict.fromkeys(sizes, 0)
    for place, step in enumerate(steps):
        for name in step.inputs:
            readers[name] |= 1 << place
    for name in outputs:
        readers[name] |= 1 << len(steps)
    return readers


def _forced(
    place: int, step: Run | Gather, before: int, after: int, readers: Mapping[str, int],
    writer: Mapping[str, int], sizes: Mapping[str, int],
) -> int:  # fmt: skip
    end = 1 << len(writer)
    wanted = after | (1 << place) | end
    total = sizes[step.output]
    for name, bits in readers.items():
        exists = name not in writer or before >> writer[name] & 1
        if exists and bits & wanted:
            total += sizes[name]
    return total
