"""A study as tables: its winners, the choices in which they differ, what failed, and every trial."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparx_dsl.errors import visible
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.notebook import safe
from sparx_dsl.render.text_table import WIDTH
from sparx_dsl.render.units import duration
from sparx_dsl.search.space.bounds import MEASURES, price_of
from sparx_dsl.search.space.choices import value_text
from sparx_dsl.search.studies.records import StudyResult, TrialRecord
from sparx_dsl.search.studies.winners import (
    PRICE_KEYS,
    exact_value,
    shown_name,
    shown_price,
    shown_value,
    study_picture,
    winners,
)


def study_listing(result: StudyResult, specs: Sequence[Path] = (), lines: Sequence[str] = ()) -> Listing:
    """The winners of a study with their values, prices and choices, and every trial with its state.

    ``specs`` are the files that the winners were written to; ``lines`` are sentences to end with.
    """
    shown = winners(result)
    fields = _fields(result)
    found = Table("winners", fields, tuple(_row(result, trial) for trial in shown))
    every = Table(
        "trials", (fields[0], STATE, *fields[1:], CAUSE), tuple(_with_state(result, one) for one in result.trials)
    )
    best = "The front" if len(result.directions) > 1 else "The best"
    said: list[Table | Line] = []
    if shown:
        said += [Line(f"{best} of {len(result.complete)} trials with values:"), _summary(result, found)]
    else:
        said += [Line("No trial satisfies all constraints.")]
    return Listing("sparx.search", _facts(result, specs), (found, every),
                   (*said, *_choices(shown), *map(Line, (*_failures(result), *lines))))  # fmt: skip


def study_table(result: StudyResult, *, width: int = WIDTH) -> str:
    """The text of ``study_listing`` at ``width`` characters."""
    return study_listing(result).as_text(width)


def study_html(result: StudyResult) -> str:
    """What notebooks show of a study: its picture where a trial has values, and its table."""
    table = "\n".join(map(safe, study_table(result).splitlines()))
    return f"{study_picture(result) if result.complete else ''}<pre>{table}</pre>"


STATE = Field("state", "State")
CAUSE = Field("cause", "Cause")


def _facts(result: StudyResult, specs: Sequence[Path]) -> Mapping[str, Any]:
    return {
        "space": result.space.name, "objectives": list(result.names), "directions": list(result.directions),
        "complete": len(result.complete), "failed": len(result.failed), "pruned": len(result.pruned),
        "specs": list(map(str, specs)),
    }  # fmt: skip


def _fields(result: StudyResult) -> tuple[Field, ...]:
    """The trial, its values, its prices, its time, and all choices."""
    return (
        Field("trial", "Trial", number=True),
        *(
            Field(f"values.{name}", shown_name(name), functools.partial(shown_value, result, name), True)
            for name in result.names
        ),
        *(Field(PRICE_KEYS[name], text, functools.partial(shown_price, name), True) for name, text in MEASURES.items()),
        Field("seconds", "Time", duration, True),
        *(Field(f"choices.{choice.name}", choice.name) for choice in result.space.choices),
    )


def _row(result: StudyResult, trial: TrialRecord) -> tuple[Value, ...]:
    pairs = zip(result.names, trial.values, strict=True)
    values = [exact_value(result, *pair) for pair in pairs] if trial.values else [None] * len(result.names)
    prices = (None if trial.prices is None else price_of(trial.prices, name) for name in MEASURES)
    named = (choice.name for choice in result.space.choices)
    choices = (value_text(trial.choices[name]) if name in trial.choices else None for name in named)
    return (trial.number, *values, *prices, trial.seconds, *choices)


def _with_state(result: StudyResult, trial: TrialRecord) -> tuple[Value, ...]:
    number, *rest = _row(result, trial)
    return (number, trial.state, *rest, None if trial.cause is None else str(trial.cause))


def _summary(result: StudyResult, found: Table) -> Table:
    """The winners without choices, and without prices that are values."""
    valued = [PRICE_KEYS[name] for name in result.names if name in PRICE_KEYS]
    return found.without(*valued, *(f"choices.{choice.name}" for choice in result.space.choices))


def _choices(shown: Sequence[TrialRecord]) -> Iterator[Table | Line]:
    """A table of the choices in which the trials differ, of one trial all: a row for each, a column for each trial."""
    names = dict.fromkeys(name for trial in shown for name in trial.choices)
    rows = [(name, *(value_text(trial.choices[name]) if name in trial.choices else None for trial in shown))
            for name in names]  # fmt: skip
    alone = len(shown) == 1
    shown_rows = tuple(row for row in rows if alone or len({*row[1:]}) > 1)
    if shown_rows:
        yield Line("Its choices:" if alone else "Their choices, where they differ:")
        columns = (Field(str(trial.number), str(trial.number), number=True) for trial in shown)
        yield Table("choices", (Field("choice", "Trial"), *columns), shown_rows)


def _failures(result: StudyResult) -> Iterator[str]:
    if count := len(result.pruned):
        yield f"{count} trial{'s were' if count > 1 else ' was'} pruned."
    failed = result.failed
    if not failed:
        return
    causes: dict[str, list[int]] = {}
    for trial in failed:
        first, *_ = str(trial.cause).splitlines() or ["no cause"]
        causes.setdefault(visible(first), []).append(trial.number)
    yield f"{len(failed)} trial{'s' if len(failed) > 1 else ''} failed:"
    for cause, numbers in causes.items():
        yield f"  {cause[:WIDTH]} ({_listed(numbers)})"


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"trial{'s' if len(numbers) > 1 else ''} {shown}{', …' if len(numbers) > 5 else ''}"
