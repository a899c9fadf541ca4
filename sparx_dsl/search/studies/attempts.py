"""The attempts of a study as its file has them, read from where they can still change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from sparx_dsl.search.search_space import Space
from sparx_dsl.search.studies.records import TrialRecord
from sparx_dsl.search.studies.snapshot import read_record


@dataclass(frozen=True)
class Attempt:
    """One time that a trial was begun, by Optuna's id; several may have the number of one trial."""

    id: int
    record: TrialRecord
    died: bool = False
    """Whether it ended with its worker."""


class AttemptReader:
    """Reads the attempts of one study; those that have ended, which never change, are read once."""

    def __init__(self, storage: BaseStorage, study: int, space: Space, width: int) -> None:
        self._storage, self._study, self._space, self._width = storage, study, space, width
        self.settled: list[Attempt] = []
        """Those before the first that is running, in the order in which they began."""
        self._ids: list[int] = []
        """Optuna's ids of all trials, in order."""
        self._passed = 0
        """So many of them are settled."""
        self._ended: dict[int, Attempt | None] = {}
        """What ended after one that is running, by id; None for what is not of this project."""

    def recent(self) -> list[Attempt]:
        """Those that are not settled; raises ``ValueError`` for what no worker of the space writes."""
        running = self._read_all() if not self._ids else self._read_later()
        while self._passed < len(self._ids) and self._ids[self._passed] in self._ended:
            attempt = self._ended.pop(self._ids[self._passed])
            self.settled += [] if attempt is None else [attempt]
            self._passed += 1
        left = (self._ended.get(one) or running.get(one) for one in self._ids[self._passed :])
        return [attempt for attempt in left if attempt is not None]

    def _read_all(self) -> dict[int, Attempt]:
        """Read everything at once; the attempts that are running, by id."""
        trials = self._storage.get_all_trials(self._study, deepcopy=False)
        # Optuna's public names give a trial's number and its id one after the other, with a look at the file.
        self._ids = [trial._trial_id for trial in trials]  # pyright: ignore[reportPrivateUsage]
        return self._noted(trials)

    def _read_later(self) -> dict[int, Attempt]:
        """Read the trials that have come, or can have changed, one by one: a list of all takes long in a long study."""
        for number in itertools.count(len(self._ids)):
            try:
                self._ids.append(self._storage.get_trial_id_from_study_id_trial_number(self._study, number))
            except KeyError:
                break
        open_ids = (one for one in self._ids[self._passed :] if one not in self._ended)
        return self._noted([self._storage.get_trial(one) for one in open_ids])

    def _noted(self, trials: list[FrozenTrial]) -> dict[int, Attempt]:
        """Keep the attempts that have ended; the others by id."""
        running: dict[int, Attempt] = {}
        for trial in trials:
            own = "number" in trial.user_attrs
            one = trial._trial_id  # pyright: ignore[reportPrivateUsage]
            attempt = Attempt(one, *read_record(trial, self._space, self._width)) if own else None
            if trial.state.is_finished():
                self._ended[one] = attempt
            elif attempt is not None:
                running[one] = attempt
        return running
