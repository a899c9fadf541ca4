"""The study as a sampler sees it: all trials of a short one, and of a long one those that matter most.

What Optuna's TPE takes for a suggestion grows with the trials that it looks at. Of a long study it is given the recent
trials, and the best of those before, in a study of its own in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.store import STUDY_NAME, Store

WINDOW = 50
"""Of the recent trials at least so many are looked at, and fewer than twice as many.

With 250 the best value after 400 trials was no better, and a trial took twice as long."""
BEST = 25
"""So many of those before, twice what TPE takes for good ones: a tenth of what it looks at."""


class SamplerStudy:
    """Gives a sampler its study, and keeps that of a long one up."""

    def __init__(self, store: Store, config: StudyConfig, *, window: int = WINDOW, best: int = BEST) -> None:
        self._store, self._config, self._window, self._best = store, config, window, best
        self._capped = config.sampler == "tpe" and len(config.directions) == 1
        self._storage, self._id, self._running = InMemoryStorage(), -1, -1
        self._begin = 0
        """The number of the first recent trial among the settled ones; 0 while all are looked at."""
        self._added = 0
        """So many settled trials are in memory, or were left out."""

    def begin(self, sampler: optuna.samplers.BaseSampler, attempt: int) -> tuple[optuna.Study, FrozenTrial]:
        """The study, as far as the sampler is to look at it, and the attempt's trial in it."""
        settled = self._store.settled
        begin = max(0, len(settled) // self._window - 1) * self._window
        if not begin or not self._capped:
            return self._store.study(sampler, self._config.pruner), self._store.storage.get_trial(attempt)
        if begin != self._begin:
            self._begin, self._added = begin, begin
            self._storage = InMemoryStorage()
            self._id = self._storage.create_new_study(self._store.study().directions, STUDY_NAME)
            self._add(self._best_before(begin))
            self._running = self._storage.create_new_trial(self._id)
        self._add([self._store.storage.get_trial(one.id) for one in settled[self._added :]])
        self._added = len(settled)
        # A new study object has cached nothing.
        study = optuna.load_study(study_name=STUDY_NAME, storage=self._storage, sampler=sampler)
        return study, self._storage.get_trial(self._running)

    def _add(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            self._storage.create_new_trial(self._id, trial)

    def _best_before(self, begin: int) -> list[FrozenTrial]:
        """The best of the settled trials before that number, in the order in which they began."""
        maximize = self._store.study().directions[0] == StudyDirection.MAXIMIZE
        found: list[tuple[bool, float, int]] = []
        for place, attempt in enumerate(self._store.settled[:begin]):
            record = attempt.record
            if record.state == "complete":
                value = record.values[0]
                found.append((not record.feasible, -value if maximize else value, place))
        places = sorted(place for _, _, place in sorted(found)[: self._best])
        trials = [self._store.storage.get_trial(self._store.settled[place].id) for place in places]
        return [trial for trial in trials if trial.state == TrialState.COMPLETE]
