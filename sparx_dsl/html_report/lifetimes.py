"""The lives of all feature buffers over the steps, as a Gantt chart, and the memory that they take together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.render.curves import number
from sparx_dsl.render.labels import stage_heading
from sparx_dsl.schedule import IMAGES, Free, Gather, Run, Schedule
from sparx_dsl.schedule.step import call

LEFT, PLOT, RIGHT = 190.0, 760.0, 80.0
"""Points for the names, the steps, and the bytes of each buffer."""
ROW = 12.0
CURVE_TOP, CURVE_HEIGHT = 26.0, 150.0
GANTT_TOP = CURVE_TOP + CURVE_HEIGHT + 34.0


@dataclass(frozen=True, slots=True)
class Life:
    """A buffer's row: from the step that writes it to the last that reads it, and where it is read (steps from 1)."""

    name: str
    part: str
    shape: tuple[int, ...]
    bytes: int
    first: int
    last: int
    reads: tuple[int, ...]
    x: float
    y: float
    width: float
    dots: tuple[float, ...]
    at_peak: bool


@dataclass(frozen=True, slots=True)
class Band:
    """The steps of one stage."""

    heading: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One step: what it does, and the bytes that are held while it runs."""

    number: int
    text: str
    bytes: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The chart: rows, bands of stages, the memory curve as a path, and the places of its peak and bound."""

    lives: tuple[Life, ...]
    bands: tuple[Band, ...]
    moments: tuple[Moment, ...]
    curve: str
    peak: int
    bound: int
    peak_number: int
    peak_y: float
    bound_y: float
    peak_x: float
    step_width: float
    width: float
    height: float
    base: float
    """The y of zero bytes."""
    top: float
    """The y of the first row."""
    row: float


def lifetimes(schedule: Schedule) -> Lifetimes:
    """The chart of a schedule's buffers, in bytes for its size, batch and dtype."""
    steps = [step for step in schedule.steps if not isinstance(step, Free)]
    runs = [place for place, step in enumerate(schedule.steps) if not isinstance(step, Free)]
    held = [schedule.live_bytes[place] for place in runs]
    across = PLOT / len(steps)
    peak, bound = schedule.peak_bytes, schedule.bound_bytes
    peak_step = held.index(peak)
    lives = tuple(_lives(schedule, steps, [schedule.lives[place] for place in runs], peak_step, across))
    base = CURVE_TOP + CURVE_HEIGHT

    def up(amount: int) -> float:
        return round(base - CURVE_HEIGHT * amount / peak, 2)

    moments = tuple(
        Moment(place + 1, call(step), held[place], LEFT + place * across, up(held[place]))
        for place, step in enumerate(steps)
    )
    curve = f"M{number(LEFT)} {number(base)}" + "".join(
        f"L{number(one.x)} {number(one.y)}H{number(one.x + across)}" for one in moments
    )
    return Lifetimes(
        lives, tuple(_bands(schedule, steps, across)), moments, f"{curve}V{number(base)}Z", peak, bound, peak_step + 1,
        up(peak), up(bound), LEFT + peak_step * across, across, LEFT + PLOT + RIGHT,
        GANTT_TOP + ROW * len(lives) + 8, base, GANTT_TOP, ROW,
    )  # fmt: skip


def _lives(
    schedule: Schedule, steps: list[Run | Gather], held: list[tuple[str, ...]], peak_step: int, across: float
) -> Iterator[Life]:
    first, last, reads = dict[str, int](), dict[str, int](), dict[str, list[int]]()
    for place, names in enumerate(held):
        for name in names:
            first.setdefault(name, place)
            last[name] = place
        for name in dict.fromkeys(steps[place].inputs):
            reads.setdefault(name, []).append(place)
    nodes = {node.name for node in schedule.graph.nodes}
    writers = {step.output: "gather" if isinstance(step, Gather) else step.part for step in steps}
    for row, name in enumerate(first):
        buffer, start, read = schedule.buffers[name], first[name], reads.get(name, [])
        # A layer's result is a feature, whichever of its parts comes last.
        part = "images" if name == IMAGES else "feature" if name in nodes else writers[name]
        yield Life(
            name, part, buffer.shape, buffer.bytes, start + 1, last[name] + 1, tuple(place + 1 for place in read),
            round(LEFT + start * across, 2), GANTT_TOP + row * ROW, round((last[name] - start + 1) * across, 2),
            tuple(round(LEFT + (place + 0.5) * across, 2) for place in read), name in held[peak_step],
        )  # fmt: skip


def _bands(schedule: Schedule, steps: list[Run | Gather], across: float) -> Iterator[Band]:
    stages = [schedule.graph.node(step.node).stage for step in steps]
    for stage in dict.fromkeys(stages):
        places = [place for place, one in enumerate(stages) if one == stage]
        width = (places[-1] - places[0] + 1) * across
        yield Band(stage_heading(schedule.graph, stage), round(LEFT + places[0] * across, 2), round(width, 2))
