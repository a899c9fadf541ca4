"""The charts of a study: its front, and what it found over time; every trial a dot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparx_dsl.render.scatter import Axis, Panel, axis, axis_label, front_line, tick
from sparx_dsl.search.studies.records import StudyResult, TrialRecord
from sparx_dsl.search.studies.winners import of_bytes, shown_name, values_text, winners

WIDTH, HEIGHT = 560.0, 340.0
Spot = tuple[float, float]
"""A trial's place in a plane of values."""
LEFT, RIGHT, TOP, BOTTOM = 70.0, 16.0, 12.0, 46.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A number along an axis, and where it stands."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A trial: where it stands, what it says, and whether it is one of the best, or misses a constraint."""

    trial: int
    x: float
    y: float
    text: str
    best: bool
    feasible: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A plane with two axes, its dots, and a line: the front, or the best so far."""

    title: str
    across: str
    upward: str
    across_ticks: tuple[Tick, ...]
    upward_ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    line: str
    """The points of a polyline; empty for none."""
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM
    width: float = WIDTH
    height: float = HEIGHT


def front_charts(result: StudyResult) -> tuple[Chart, ...]:
    """The first value of every trial against each other one, or against MACs for one image where there is no other."""
    trials = [trial for trial in result.complete if trial.prices is not None]
    if not trials:
        return ()
    return tuple(_front(result, trials, place) for place in range(1, len(result.names))) or (_by_macs(result, trials),)


def history_charts(result: StudyResult) -> tuple[Chart, ...]:
    """Each value over the trials in order, and the best that any feasible trial had by then."""
    return tuple(_history(result, place) for place in range(len(result.names))) if result.complete else ()


def best_numbers(result: StudyResult) -> frozenset[int]:
    """The numbers of the trials on the front, or of the best one."""
    return frozenset(trial.number for trial in winners(result, 1))


def _front(result: StudyResult, trials: Sequence[TrialRecord], place: int) -> Chart:
    spots = [(trial.values[place], trial.values[0]) for trial in trials]
    more = result.directions[place] == "maximize"
    return _chart(result, trials, spots, result.names[place], more_across=more)


def _by_macs(result: StudyResult, trials: Sequence[TrialRecord]) -> Chart:
    spots = [(float(trial.prices.macs if trial.prices else 0), trial.values[0]) for trial in trials]
    return _chart(result, trials, spots, "macs", more_across=False)


def _chart(
    result: StudyResult,
    trials: Sequence[TrialRecord],
    spots: list[Spot],
    name: str,
    *,
    more_across: bool,
) -> Chart:
    across = axis([x for x, _ in spots], LEFT, WIDTH - RIGHT, of_bytes=of_bytes(result, name))
    upward = axis([y for _, y in spots], HEIGHT - BOTTOM, TOP, of_bytes=of_bytes(result, result.names[0]))
    feasible = frozenset(place for place, trial in enumerate(trials) if trial.feasible)
    more = result.directions[0] == "maximize"
    line = front_line(Panel("", "", tuple(spots), frozenset(), feasible, more_across=more_across, more_upward=more))
    dots = _dots(result, trials, spots, across, upward)
    named = (
        axis_label(shown_name(name), across, more=more_across),
        axis_label(shown_name(result.names[0]), upward, more=more),
    )
    title = f"{shown_name(result.names[0])} and {shown_name(name)}"
    return Chart(title, *named, _ticks(across), _ticks(upward), dots, _points(line, across, upward))


def _history(result: StudyResult, place: int) -> Chart:
    trials = result.complete
    spots = [(float(trial.number), trial.values[place]) for trial in trials]
    across = axis([0.0, *(x for x, _ in spots)], LEFT, WIDTH - RIGHT)
    upward = axis([y for _, y in spots], HEIGHT - BOTTOM, TOP, of_bytes=of_bytes(result, result.names[place]))
    more, line, best = result.directions[place] == "maximize", list[Spot](), None
    for trial, (x, y) in zip(trials, spots, strict=True):
        if trial.feasible and (best is None or (y > best if more else y < best)):
            line += [] if best is None else [(x, best)]
            line.append((x, y))
            best = y
    if best is not None:
        line.append((spots[-1][0], best))
    title = f"{shown_name(result.names[place])} over the trials"
    dots = _dots(result, trials, spots, across, upward)
    named = axis_label(shown_name(result.names[place]), upward, more=more)
    return Chart(title, "trial", named, _ticks(across), _ticks(upward), dots, _points(line, across, upward))


def _dots(
    result: StudyResult, trials: Sequence[TrialRecord], spots: Sequence[Spot], across: Axis, upward: Axis
) -> tuple[Dot, ...]:
    best = best_numbers(result)
    found = (
        Dot(trial.number, round(across.at(x), 1), round(upward.at(y), 1),
            f"trial {trial.number}: {values_text(result, trial)}", trial.number in best, trial.feasible)
        for trial, (x, y) in zip(trials, spots, strict=True)
    )  # fmt: skip
    # The best are drawn last, over the others.
    return tuple(sorted(found, key=lambda dot: dot.best))


def _ticks(along: Axis) -> tuple[Tick, ...]:
    return tuple(Tick(round(along.at(value), 1), tick(value, along)) for value in along.ticks())


def _points(line: Sequence[Spot], across: Axis, upward: Axis) -> str:
    return " ".join(f"{across.at(x):.1f},{upward.at(y):.1f}" for x, y in line)
