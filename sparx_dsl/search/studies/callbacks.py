"""Optuna's callbacks, called for every trial that ends: those of TensorBoard, MLflow and W&B are such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.choices import value_text
from sparx_dsl.search.studies.records import ENDED, TrialRecord
from sparx_dsl.search.studies.store import Store

Callback = Callable[[optuna.Study, FrozenTrial], None]


@dataclass
class Callbacks:
    """Calls each callback once for each trial that ends from now on, in this process, whoever runs the trial."""

    store: Store
    callbacks: Sequence[Callback]
    _ended: set[int] = field(init=False)
    """The attempts that have ended and were seen, or were there before."""
    _seen: int = field(init=False, default=0)
    """So many of the settled attempts are among them."""

    def __post_init__(self) -> None:
        attempts = self.store.attempts() if self.callbacks else []
        self._ended = {one.id for one in attempts if one.record.state in ENDED}
        self._seen = len(self.store.settled)

    def notify(self) -> None:
        """Call them for the trials that have ended since the last time; raises what they raise."""
        if not self.callbacks:
            return
        study = self.store.study()
        recent = self.store.recent()
        later = [*self.store.settled[self._seen :], *recent]
        self._seen = len(self.store.settled)
        for attempt in later:
            if attempt.record.state not in ENDED or attempt.id in self._ended:
                continue
            self._ended.add(attempt.id)
            trial = readable(self.store.storage.get_trial(attempt.id), attempt.record, self.store.space)
            for callback in self.callbacks:
                callback(study, trial)


def readable(trial: FrozenTrial, record: TrialRecord, space: Space) -> FrozenTrial:
    """The trial under its number in this study, with the values of its choices as text for parameters."""
    texts = {choice.name: tuple(map(value_text, choice.values)) for choice in space.choices}
    chosen = {name: value_text(value) for name, value in record.choices.items()}
    return FrozenTrial(
        number=record.number, state=trial.state, value=None, datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete, params=dict(chosen),
        distributions={name: CategoricalDistribution(texts[name]) for name in chosen}, user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs, intermediate_values=trial.intermediate_values,
        # Its name is Optuna's own, as in store.py.
        trial_id=trial._trial_id, values=trial.values,  # pyright: ignore[reportPrivateUsage]
    )  # fmt: skip
