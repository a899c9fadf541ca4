"""The life of a buffer: held from the step that writes it, freed right after the last step that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sparx_dsl.schedule.step import Free, Gather, Run, Step


def with_frees(steps: Iterable[Run | Gather], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> tuple[Step, ...]:
    """The steps with a ``Free`` of every buffer right after its last use, or where it is written if nothing reads it.

    ``inputs`` are held from the start, ``outputs`` are never freed.
    """
    ordered = tuple(steps)
    last: dict[str, int] = dict.fromkeys(inputs, 0)
    for place, step in enumerate(ordered):
        last.update(dict.fromkeys((step.output, *step.inputs), place))
    freed: dict[int, list[str]] = {}
    for name, place in last.items():
        if name not in outputs:
            freed.setdefault(place, []).append(name)
    return tuple(_interleave(ordered, freed))


def _interleave(steps: tuple[Run | Gather, ...], freed: dict[int, list[str]]) -> Iterator[Step]:
    for place, step in enumerate(steps):
        yield step
        yield from (Free(name) for name in freed.get(place, ()))


def held_at_steps(steps: tuple[Step, ...], inputs: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The buffers held while each step runs, oldest first, the step's own output included.

    A ``Free`` holds what is left after it.
    """
    held = dict.fromkeys(inputs)
    snapshots: list[tuple[str, ...]] = []
    for step in steps:
        if isinstance(step, Free):
            held.pop(step.buffer, None)
        else:
            held[step.output] = None
        snapshots.append(tuple(held))
    return tuple(snapshots)


def held_bytes(steps: tuple[Step, ...], inputs: tuple[str, ...], sizes: Mapping[str, int]) -> Iterator[int]:
    """The bytes that are held while each step runs, in one pass: the sums over ``held_at_steps``."""
    held = dict.fromkeys(inputs)
    total = sum(sizes[name] for name in held)
    for step in steps:
        if isinstance(step, Free):
            total -= sizes[step.buffer] if step.buffer in held else 0
            held.pop(step.buffer, None)
        else:
            total += sizes[step.output] if step.output not in held else 0
            held[step.output] = None
        yield total
