"""A bound that no order of the steps can beat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sparx_dsl.schedule.step import Gather, Run


def lower_bound(steps: Sequence[Run | Gather], sizes: Mapping[str, int], outputs: Sequence[str]) -> int:
    """The least peak in bytes that any order of ``steps`` can reach, or less; ``steps`` are given in one valid order.

    Whatever the order, when a step runs, its inputs and its output are held, and so is every buffer that was written
    by an ancestor of the step (so it exists) and is read by the step or a descendant of it, or is an output (so it is
    still wanted). Their sum, at its largest, bounds the peak from below; on a chain with skips it is the peak.
    """
    writer = {step.output: place for place, step in enumerate(steps)}
    given = [name for name in sizes if name not in writer]
    # A bit for each buffer: those that steps write by the step's place, then those that are given from the start.
    bits = writer | {name: len(steps) + place for place, name in enumerate(given)}
    inputs = [_bit_set(bits[name] for name in step.inputs) for step in steps]
    exists, wanted = _written_before(inputs), _read_from(inputs)
    start, kept = _bit_set(bits[name] for name in given), _bit_set(bits[name] for name in outputs)
    classes = _by_size(sizes, bits)
    return max(
        sizes[step.output] + _weight((exists[place] | start) & (wanted[place] | kept), classes)
        for place, step in enumerate(steps)
    )


def _bit_set(places: Iterable[int]) -> int:
    found = 0
    for place in places:
        found |= 1 << place
    return found


def _written_before(inputs: Sequence[int]) -> list[int]:
    """For each step the buffers that the steps write which must come before it."""
    found: list[int] = []
    for own in inputs:
        before = 0
        for place in _places(own, len(inputs)):
            before |= found[place] | (1 << place)
        found.append(before)
    return found


def _read_from(inputs: Sequence[int]) -> list[int]:
    """For each step the buffers that it reads, or that the steps read which must come after it."""
    found = list(inputs)
    for place in reversed(range(len(inputs))):
        for source in _places(inputs[place], len(inputs)):
            found[source] |= found[place]
    return found


def _places(bits: int, below: int) -> Iterator[int]:
    """The places of the bits that are set, below a number."""
    bits &= (1 << below) - 1
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _by_size(sizes: Mapping[str, int], bits: Mapping[str, int]) -> dict[int, int]:
    """For each size the buffers that have it: there are few sizes, however many buffers there are."""
    found: dict[int, int] = {}
    for name, size in sizes.items():
        found[size] = found.get(size, 0) | (1 << bits[name])
    return found


def _weight(held: int, classes: Mapping[int, int]) -> int:
    return sum(size * (held & members).bit_count() for size, members in classes.items())
