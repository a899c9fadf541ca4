"""Which choices matter for the values of a study: Optuna's importances, and what each value of a choice gave."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from sparx_dsl.search.space.choices import Choice, value_text
from sparx_dsl.search.studies.records import StudyResult, TrialRecord
from sparx_dsl.search.studies.store import distribution_of, silence_optuna
from sparx_dsl.search.studies.winners import shown_name, shown_value

LEAST_TRIALS = 10
"""Fewer trials with values say nothing of importances."""


@dataclass(frozen=True, slots=True)
class Importance:
    """How much a choice matters for a value, of 1 for all choices together."""

    choice: str
    share: float


@dataclass(frozen=True, slots=True)
class Importances:
    """The choices by their importance for one value, the most important first."""

    value: str
    choices: tuple[Importance, ...]


@dataclass(frozen=True, slots=True)
class ChoiceValue:
    """A value of a choice: the trials that had it, and the best and the median of the study's first value there."""

    choice: str
    text: str
    trials: int
    best: str
    median: str


def importances(result: StudyResult) -> tuple[Importances, ...]:
    """For each value of the study, by PED-ANOVA (Watanabe et al. 2023); none where there are too few trials."""
    trials = [trial for trial in result.complete if trial.point is not None]
    if len(trials) < LEAST_TRIALS:
        return ()
    with silence_optuna(), warnings.catch_warnings():
        # Where nearly all values are equal Optuna warns, and gives equal importances.
        warnings.simplefilter("ignore")
        return tuple(
            Importances(shown_name(name), tuple(_of_value(result, trials, place)))
            for place, name in enumerate(result.names)
        )


def _of_value(result: StudyResult, trials: list[TrialRecord], place: int) -> Iterator[Importance]:
    study = optuna.create_study(direction="minimize")
    choices = {choice.name: choice for choice in result.space.choices if len(choice.alternatives) > 1}
    for trial in trials:
        assert trial.point is not None
        params = {name: pick for name, pick in trial.point.picks.items() if name in choices}
        distributions = {name: distribution_of(choices[name]) for name in params}
        study.add_trial(create_trial(params=params, distributions=distributions, value=result.losses(trial)[place]))
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    yield from (Importance(name, share) for name, share in found.items())


def choice_values(result: StudyResult) -> tuple[ChoiceValue, ...]:
    """What every value of every choice gave, in the order of the space; values that no trial had too.

    Those that fit no backbone, which a key with wildcards may have, are left out.
    """
    fitting = result.space.compiled.buckets.supported()
    return tuple(
        row for place, choice in enumerate(result.space.choices) for row in _values(result, choice, fitting[place])
    )


def _values(result: StudyResult, choice: Choice, fitting: Collection[int]) -> Iterator[ChoiceValue]:
    name, more = result.names[0], result.directions[0] == "maximize"
    for number, value in enumerate(choice.values):
        if number not in fitting:
            continue
        had = [trial.values[0] for trial in result.complete
               if trial.point is not None and trial.point.picks.get(choice.name) == number]  # fmt: skip
        best = shown_value(result, name, max(had) if more else min(had)) if had else "–"
        median = shown_value(result, name, statistics.median(had)) if had else "–"
        yield ChoiceValue(choice.name, value_text(value), len(had), best, median)
