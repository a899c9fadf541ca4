"""Which trials of a study are its best, what their values are called, and where they lie among the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.render.compared_prices import shown_amount
from sparx_dsl.render.scatter import Panel, scatter
from sparx_dsl.search.space.bounds import MEASURES
from sparx_dsl.search.studies.records import StudyResult, TrialRecord

PRICE_KEYS: Final[Mapping[str, str]] = {"params": "params", "macs": "macs", "peak": "peak_bytes"}
"""What the prices of a trial are called in JSON and CSV."""
MOST = 10
"""Winners where there is one direction; a front is shown whole."""


def winners(result: StudyResult, most: int = MOST) -> tuple[TrialRecord, ...]:
    """The front, or with one direction the best trials, each backbone once."""
    if len(result.directions) > 1:
        return result.front
    found: dict[object, TrialRecord] = {}
    for trial in sorted(result.complete, key=lambda one: (result.losses(one), one.number)):
        if trial.feasible:
            found.setdefault(trial.point, trial)
    return tuple(found.values())[:most]


def study_picture(result: StudyResult) -> str:
    """An SVG text: the first value of every trial against each other one, or against MACs where there is no other.

    Raises ``SparxError`` (SPX763) where no trial has values.
    """
    if not result.complete:
        raise SparxError(Diagnostic(Code.NOTHING_TO_DRAW, "no trial has values, so there is nothing to draw"))
    sideways = list(range(1, len(result.directions)))
    panels = [_panel(result, place) for place in sideways] or [_panel(result, None)]
    return scatter(panels, f"{result.space.name}: {len(result.complete)} trials")


def shown_name(name: str) -> str:
    """What a person calls a value."""
    return MEASURES.get(name, name)


def exact_value(result: StudyResult, name: str, value: float) -> int | float:
    """A value as programs read it: prices, which studies keep as floating-point numbers, are integers."""
    return round(value) if name in result.priced else value


def shown_value(result: StudyResult, name: str, value: float) -> str:
    """A value as a person reads it; prices with three decimals and their units."""
    return shown_price(name, round(value)) if name in result.priced else f"{value:.5g}"


def shown_price(name: str, amount: int) -> str:
    """A price, by the name that an objective has, as a person reads it."""
    return shown_amount(PRICE_KEYS[name], amount)


def of_bytes(result: StudyResult, name: str) -> bool:
    """Whether a value is a price in bytes."""
    return name in result.priced and PRICE_KEYS[name].endswith("bytes")


def values_text(result: StudyResult, trial: TrialRecord) -> str:
    """A trial's values with their names, in one line."""
    pairs = zip(result.names, trial.values, strict=True)
    return ", ".join(f"{shown_name(name)} {shown_value(result, name, value)}" for name, value in pairs)


def _panel(result: StudyResult, place: int | None) -> Panel:
    """The first value upwards against the value of that place, or against MACs."""
    front = {trial.number for trial in winners(result, 1)}
    shown = [trial for trial in result.complete if trial.prices is not None]
    macs = [0.0 if trial.prices is None else float(trial.prices.macs) for trial in shown]
    across = macs if place is None else [trial.values[place] for trial in shown]
    direction = "minimize" if place is None else result.directions[place]
    return Panel(
        across_label=shown_name("macs" if place is None else result.names[place]),
        upward_label=shown_name(result.names[0]),
        dots=tuple((x, trial.values[0]) for x, trial in zip(across, shown, strict=True)),
        chosen=frozenset(at for at, trial in enumerate(shown) if trial.number in front),
        feasible=frozenset(at for at, trial in enumerate(shown) if trial.feasible),
        more_across=direction == "maximize",
        more_upward=result.directions[0] == "maximize",
        bytes_across=place is not None and of_bytes(result, result.names[place]),
        bytes_upward=of_bytes(result, result.names[0]),
    )
