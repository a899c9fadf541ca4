"""The report of a study as a page: its front, its history, what mattered, every trial, and the best backbones."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sparx_dsl.graph import connect
from sparx_dsl.html_report.diagram import Diagram, diagram
from sparx_dsl.html_report.importances import choice_values, importances
from sparx_dsl.html_report.overview import listed, plural
from sparx_dsl.html_report.page import render_page, write_page
from sparx_dsl.html_report.study_charts import best_numbers, front_charts, history_charts
from sparx_dsl.language.spec import dump_spec
from sparx_dsl.render.units import duration
from sparx_dsl.search.space.bounds import MEASURES, price_of
from sparx_dsl.search.space.choices import value_text
from sparx_dsl.search.studies.records import StudyResult, TrialRecord
from sparx_dsl.search.studies.winners import shown_name, shown_price, shown_value, values_text, winners

MOST_DRAWN = 6
"""Winners whose diagrams are drawn."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial as text: its state, its values, what it costs, the value of every choice, and why it failed."""

    number: int
    state: str
    best: bool
    values: tuple[str, ...]
    prices: tuple[str, ...]
    seconds: str
    choices: tuple[str, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class Winner:
    """One of the best trials: its number, its values in one line, its choices, its picture and its spec as YAML."""

    number: int
    values: str
    choices: tuple[tuple[str, str], ...]
    diagram: Diagram
    spec_text: str


def write_study_report(result: StudyResult, path: str | os.PathLike[str]) -> None:
    """Write the page of a study, complete or not at all; raises ``SparxError`` (SPX580, SPX502)."""
    write_page(path, study_page(result))


def study_page(result: StudyResult) -> str:
    """The page as text: HTML that refers to nothing outside itself."""
    names, best = tuple(choice.name for choice in result.space.choices), best_numbers(result)
    return render_page("study.html", f"{result.space.name}: {plural(len(result.trials), 'trial')}", {
        "name": result.space.name,
        "sentences": _sentences(result),
        "fronts": front_charts(result),
        "several": len(result.names) > 1,
        "histories": history_charts(result),
        "importances": importances(result),
        "first_value": shown_name(result.names[0]),
        "choice_values": choice_values(result),
        "winners": tuple(_winner(result, trial) for trial in winners(result, MOST_DRAWN)[:MOST_DRAWN]),
        "value_names": tuple(map(shown_name, result.names)),
        "price_names": tuple(map(shown_name, _measures(result))),
        "choice_names": names,
        "trials": tuple(_row(result, trial, names, trial.number in best) for trial in result.trials),
    })  # fmt: skip


def _sentences(result: StudyResult) -> tuple[str, ...]:
    goals = listed([
        f"{'most' if direction == 'maximize' else 'least'} {shown_name(name)}"
        for name, direction in zip(result.names, result.directions, strict=True)
    ])  # fmt: skip
    states = [plural(sum(trial.state == state for trial in result.trials), "trial") + f" {word}"
              for state, word in STATES.items() if any(trial.state == state for trial in result.trials)]  # fmt: skip
    count = f"{'' if result.space.exact else 'at most '}{result.space.count:,}"
    bounds = f" Bounds: {listed(list(map(str, result.space.bounds)))}." if result.space.bounds else ""
    first = (
        f"A study of the search space {result.space.name}: {plural(len(result.space.choices), 'choice')} over a base "
        f"spec make {count} backbones, of which trials try some. The objective: {goals}.{bounds}"
    )
    best = winners(result, 1)
    found = (
        "No trial satisfies all constraints." if not best
        else f"The best is trial {best[0].number}: {values_text(result, best[0])}." if len(result.names) == 1
        else f"{plural(len(best), 'trial')} on the front: no other trial beats one of them in all values."
    )  # fmt: skip
    return (first, f"{listed(states)}. {found}" if states else "It has no trials yet.")


STATES = {"complete": "with values", "failed": "failed", "pruned": "ended early", "running": "running", "lost": "lost"}
"""What the states of trials are called."""


def _measures(result: StudyResult) -> tuple[str, ...]:
    """The prices that are no values of the study: parameters, MACs for one image, peak bytes."""
    return tuple(measure for measure in MEASURES if measure not in result.names)


def _winner(result: StudyResult, trial: TrialRecord) -> Winner:
    choices = tuple((name, value_text(value)) for name, value in trial.choices.items())
    spec = result.spec(trial)
    return Winner(trial.number, values_text(result, trial), choices, diagram(connect(spec)), dump_spec(spec))


def _row(result: StudyResult, trial: TrialRecord, names: tuple[str, ...], best: bool) -> TrialRow:
    prices = trial.prices
    return TrialRow(
        trial.number, STATES[trial.state], best,
        tuple(shown_value(result, name, value) for name, value in zip(result.names, trial.values, strict=False)),
        tuple("–" if prices is None else shown_price(name, price_of(prices, name)) for name in _measures(result)),
        "–" if trial.seconds is None else duration(trial.seconds),
        tuple(value_text(trial.choices[name]) if name in trial.choices else "–" for name in names),
        "" if trial.cause is None else str(trial.cause),
    )  # fmt: skip
