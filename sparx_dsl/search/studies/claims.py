"""Who runs which trial: each number is run once, and begun again where its worker died.

Optuna hands out queued trials too (``Study.enqueue_trial``), under numbers of its own: a trial that is begun again has
another one, and so another seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.heartbeat import CrashDetector, Heartbeat
from sparx_dsl.search.studies.history import History
from sparx_dsl.search.studies.outcome import Cause, Outcome
from sparx_dsl.search.studies.pruning import StoreReports
from sparx_dsl.search.studies.records import ENDED, TrialRecord
from sparx_dsl.search.studies.sampler import sample_point
from sparx_dsl.search.studies.store import Store
from sparx_dsl.search.studies.trial import WEIGHTS, Trial


class NoTrial(Enum):
    """Why there is no trial to begin."""

    FINISHED = auto()
    """All trials have ended."""
    WAITING = auto()
    """All others are running, and their workers could still die."""
    LATE = auto()
    """The timeout is over."""


@dataclass(frozen=True)
class Claim:
    """A trial that this worker has begun."""

    attempt: int
    trial: Trial


@dataclass(frozen=True)
class Status:
    """How far a study is."""

    begun: tuple[str, ...]
    """The worker of every attempt so far."""
    finished: bool
    """Whether all trials have ended."""


def status_of(store: Store, config: StudyConfig) -> Status:
    """How far the study is; raises ``SparxError`` (SPX752)."""
    attempts = store.attempts()
    ended = {one.record.number for one in attempts if one.record.state in ENDED}
    return Status(tuple(one.record.worker for one in attempts), ended.issuperset(range(config.trials)))


@dataclass
class TrialQueue:
    """The trials of a study, from which one worker takes the next."""

    store: Store
    config: StudyConfig
    heartbeat: Heartbeat
    watch: CrashDetector = field(init=False)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.watch = CrashDetector(self.store.workers, self.config.limits)
        self.history = History(self.store)

    def next(self) -> Claim | NoTrial:
        """Begin a free trial: the lowest number, those that lost a worker last.

        Raises ``SparxError`` (SPX732) where no point satisfies the bounds.
        """
        with self.store.lock:
            self._end_dead()
            number = self.history.free(self.config.trials)
            if number is None:
                return NoTrial.WAITING if self.history.is_running(self.config.trials) else NoTrial.FINISHED
            if self.config.is_late:
                return NoTrial.LATE
            attempt = self.store.create(number, self.heartbeat.worker)
        return self._sampled(attempt, number)

    def give_back(self) -> None:
        """Leave the trials that this worker has begun, and not ended, to others."""
        for one in self.store.recent():
            if one.record.state == "running" and one.record.worker == self.heartbeat.worker:
                self.store.lose(one.id)

    @property
    def has_values(self) -> bool:
        """Whether some trial has values, so that one with a wrong answer does not mean that all have."""
        return any(one.record.state == "complete" for one in self.store.attempts())

    def _end_dead(self) -> None:
        """Read the attempts, and end those whose workers have died."""
        self.history.update()
        running = (one for one in self.history.recent if one.record.state == "running")
        dead = [one for one in running if self.watch.is_dead(one.record.worker)]
        if not dead:
            return
        crashes, most = self.history.crashes, self.config.limits.worker_crashes
        for one in dead:
            if crashes[one.record.number] + 1 < most:
                self.store.lose(one.id, died=True)
            else:
                cause = Cause("WorkerDied", f"the trial's worker crashed {most} times")
                self.store.finish(one.id, Outcome(cause=cause))
        self.history.update()

    def _sampled(self, attempt: int, number: int) -> Claim:
        """Sample the point of a begun trial, and gather what its objective is called with."""
        point, prices = sample_point(self.store, self.config, attempt, number, self.history)
        parent = self._parent(point) if self.config.inherit else None
        self.store.write_point(attempt, point, prices, None if parent is None else parent.number)
        folder = self.store.trial_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        space = self.store.space
        trial = Trial(
            number=number,
            spec=space.spec(point),
            point=point,
            values=space.values(point),
            prices=prices,
            seed=self.config.trial_seed(number, "objective"),
            folder=folder,
            parent=None if parent is None else self._weights(parent),
            reporter=StoreReports(self.store, attempt, self.config.pruner),
        )
        return Claim(attempt, trial)

    def _parent(self, point: Point) -> TrialRecord | None:
        """The finished trial with weights that differs in the fewest choices, the first of several."""
        complete = (one for one in self.store.records() if one.state == "complete")
        saved = [one for one in complete if self._weights(one).is_file()]
        return min(saved, key=lambda one: (differences(point, one.point), one.number), default=None)

    def _weights(self, record: TrialRecord) -> Path:
        return self.store.trial_folder(record.number) / WEIGHTS


def differences(first: Point, second: Point | None) -> int:
    """In how many choices two points differ; one that exists at one of them alone counts too."""
    picks: Mapping[str, int] = {} if second is None else second.picks
    return sum(first.picks.get(name) != picks.get(name) for name in {*first.picks, *picks})
