"""Who does which trial: each number is done once, and begun again where its worker died."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from sparx_dsl.search.studies.outcome import Cause, Outcome
from sparx_dsl.search.studies.presence import Watch
from sparx_dsl.search.studies.proposing import propose
from sparx_dsl.search.studies.records import TrialRecord
from sparx_dsl.search.studies.settings import Settings, trial_seed
from sparx_dsl.search.studies.store import Attempt, Store
from sparx_dsl.search.studies.trial import WEIGHTS, Trial
from sparx_dsl.search.values import Point

LIVES = 5
"""Workers that a trial may lose before it has failed: by then it is the trial that kills them."""


class Rest(Enum):
    """Why there is no trial to begin."""

    DONE = auto()
    """All trials have ended."""
    WAIT = auto()
    """All others are in work, and could still be lost."""
    LATE = auto()
    """The time is up."""


@dataclass(frozen=True)
class Claim:
    """A trial that this worker has begun."""

    attempt: int
    trial: Trial


@dataclass
class Claims:
    """One worker's way to its next trial."""

    store: Store
    settings: Settings
    worker: str
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.store.workers)

    def next(self) -> Claim | Rest:
        """Begin a free trial: the lowest number, those that lost a worker last.

        Raises ``SparxError`` (SPX732) where no point keeps the bounds.
        """
        with self.store.claims:
            attempts = self._living()
            taken = {one.record.number: one.record.state for one in attempts if one.record.state != "lost"}
            free = [number for number in range(self.settings.trials) if number not in taken]
            if not free:
                waits = any(taken[number] == "running" for number in range(self.settings.trials))
                return Rest.WAIT if waits else Rest.DONE
            if time.time() > self.settings.deadline:
                return Rest.LATE
            deaths = _deaths(attempts)
            number = min(free, key=lambda one: (deaths[one], one))
            attempt = self.store.create(number, self.worker)
        try:
            return self._drawn(attempt, number, [one.record for one in attempts])
        except BaseException:
            self.store.lose(attempt)
            raise

    def give_back(self, claim: Claim) -> None:
        """Leave a begun trial to others."""
        self.store.lose(claim.attempt)

    @property
    def proven(self) -> bool:
        """Whether some trial has values, so that one with a wrong answer says nothing of all others."""
        return any(one.record.state == "complete" for one in self.store.attempts())

    def _living(self) -> list[Attempt]:
        """All attempts, once those whose workers have died are ended."""
        attempts = self.store.attempts()
        dead = [one for one in attempts if one.record.state == "running" and self.watch.is_dead(one.record.worker)]
        if not dead:
            return attempts
        deaths = _deaths(attempts)
        for one in dead:
            if deaths[one.record.number] + 1 < LIVES:
                self.store.lose(one.id, died=True)
            else:
                cause = Cause("WorkerDied", f"the trial's worker died, {LIVES} times in all")
                self.store.finish(one.id, Outcome(cause=cause))
        return self.store.attempts()

    def _drawn(self, attempt: int, number: int, others: Sequence[TrialRecord]) -> Claim:
        """Draw the point of a begun trial, and gather what its objective is called with."""
        tried = (one.point for one in others if one.point is not None and one.state in ("complete", "running"))
        proposal = propose(self.store, self.settings, attempt, number, tried)
        parent = self._parent(proposal.point, others) if self.settings.inherit else None
        self.store.draw(attempt, proposal.point, proposal.prices, None if parent is None else parent.number)
        folder = self.store.trial_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        space = self.store.space
        trial = Trial(
            number=number,
            spec=space.spec(proposal.point),
            point=proposal.point,
            values=space.values(proposal.point),
            prices=proposal.prices,
            seed=trial_seed(self.settings.seed, number, "objective"),
            folder=folder,
            parent=None if parent is None else self._weights(parent),
        )
        return Claim(attempt, trial)

    def _parent(self, point: Point, others: Sequence[TrialRecord]) -> TrialRecord | None:
        """The finished trial with weights that differs in the fewest choices, the first of several."""
        whole = [one for one in others if one.state == "complete" and self._weights(one).is_file()]
        return min(whole, key=lambda one: (differences(point, one.point), one.number), default=None)

    def _weights(self, record: TrialRecord) -> Path:
        return self.store.trial_folder(record.number) / WEIGHTS


def differences(first: Point, second: Point | None) -> int:
    """In how many choices two points differ; one that exists at one of them alone counts too."""
    picks: Mapping[str, int] = {} if second is None else second.picks
    return sum(first.picks.get(name) != picks.get(name) for name in {*first.picks, *picks})


def _deaths(attempts: Sequence[Attempt]) -> Counter[int]:
    """For each trial how many workers died with it."""
    return Counter(one.record.number for one in attempts if one.died)
