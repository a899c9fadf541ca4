"""What must hold of every schedule, checked by replaying it without tensors."""

from __future__ import annotations

from collections.abc import Iterator

from sparx_dsl.schedule.step import IMAGES, Free, Gather, Run, Step
from sparx_dsl.schedule.values import Schedule
from sparx_dsl.schedule.verify_buffers import verify_buffers


def verified(schedule: Schedule) -> Schedule:
    """The schedule; raises ``RuntimeError`` where it is broken, which is a fault of the compiler and of no spec."""
    broken = verify_schedule(schedule)
    if broken:
        raise RuntimeError(f"internal error: the compiler made an invalid schedule: {'; '.join(broken)}")
    return schedule


def verify_schedule(schedule: Schedule) -> tuple[str, ...]:
    """Say everything that is broken in a schedule; empty when nothing is."""
    written = {IMAGES} | {step.output for step in schedule.steps if not isinstance(step, Free)}
    unknown = [f"{name} has no size" for name in sorted(written - set(schedule.buffers))]
    steps = verify_steps(schedule.steps, (IMAGES,), schedule.outputs)
    return (*unknown, *steps, *(() if unknown else verify_buffers(schedule)))


def verify_steps(steps: tuple[Step, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> tuple[str, ...]:
    """Replay steps: written before read and only once, freed right after the last read, outputs kept, no leftovers."""
    return tuple(_replay(steps, inputs, outputs))


def _replay(steps: tuple[Step, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Iterator[str]:
    live, written = set(inputs), set(inputs)
    last_use = _last_uses(steps)
    runs = -1
    for step in steps:
        if isinstance(step, Free):
            yield from _free(step, live, last_use, runs, outputs)
            live.discard(step.buffer)
            continue
        runs += 1
        for name in step.inputs:
            if name not in live:
                yield f"{step.output} reads {name}, which is {'freed' if name in written else 'not written'}"
        if step.output in written:
            yield f"{step.output} is written twice"
        written.add(step.output)
        live.add(step.output)
    for name in sorted(live - set(outputs)):
        yield f"{name} is never freed"
    for name in outputs:
        if name not in live:
            yield f"the output {name} is not there at the end"


def _free(step: Free, live: set[str], last_use: dict[str, int], runs: int, outputs: tuple[str, ...]) -> Iterator[str]:
    if step.buffer not in live:
        yield f"{step.buffer} is freed while it is not held"
    elif step.buffer in outputs:
        yield f"the output {step.buffer} is freed"
    elif last_use.get(step.buffer, 0) != runs:
        yield f"{step.buffer} is freed {'late' if last_use.get(step.buffer, 0) < runs else 'early'}"


def _last_uses(steps: tuple[Step, ...]) -> dict[str, int]:
    """For each buffer, the number of its last write or read; an input that nothing reads is freed at once."""
    runs: list[Run | Gather] = [step for step in steps if not isinstance(step, Free)]
    return {name: place for place, step in enumerate(runs) for name in (step.output, *step.inputs)}
