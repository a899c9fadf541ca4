"""The schedule as text that a person can check by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparx_dsl.schedule.step import Free, Gather, Run

if TYPE_CHECKING:
    from sparx_dsl.schedule.values import Schedule


def listing(schedule: Schedule) -> str:
    """Every step with the bytes of its output and of all that is held while it runs; frees stand under their step."""
    height, width = schedule.size
    lines = [
        f"{schedule.graph.spec.name}: {height}×{width}, batch {schedule.batch}, {schedule.dtype}",
        f"peak {schedule.peak_bytes:,} bytes at {schedule.peak_step.output}; "
        f"no order needs less than {schedule.bound_bytes:,}",
    ]
    number = 0
    for step, live in zip(schedule.steps, schedule.live_bytes, strict=True):
        if isinstance(step, Free):
            lines.append(f"        free {step.buffer}")
        else:
            number += 1
            own = schedule.buffers[step.output].bytes
            lines.append(f"{number:>5}   {call(step):<84} {own:>13,} live {live:>13,}")
    return "\n".join([*lines, f"        return {', '.join(schedule.outputs)}"])


def call(step: Run | Gather) -> str:
    """A step as ``output = part(inputs)``."""
    part = "gather" if isinstance(step, Gather) else step.part
    return f"{step.output} = {part}({', '.join(step.inputs)})"
