"""The study's file: an Optuna study in a journal or in SQLite, with what this project adds to its trials.

A trial is created with its number and its worker in one step, and ends with its values in one step, so that a process
killed at any moment leaves either nothing or something that the others can tell is unfinished.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from sparx_dsl.errors import Diagnostic, SparxError, quoted
from sparx_dsl.search.bounds import Prices
from sparx_dsl.search.space import Space
from sparx_dsl.search.studies.guarding import at_study, reachable, readable
from sparx_dsl.search.studies.journal import Journal
from sparx_dsl.search.studies.locks import FolderLock
from sparx_dsl.search.studies.objectives import Direction
from sparx_dsl.search.studies.outcome import Outcome
from sparx_dsl.search.studies.records import TrialRecord, by_number
from sparx_dsl.search.studies.settings import files_folder, space_digest
from sparx_dsl.search.studies.stored import Header, read_header, read_record
from sparx_dsl.search.values import Choice, Point

STUDY = "sparx"
JOURNALS = (".journal",)
DATABASES = (".db", ".sqlite", ".sqlite3")
PATIENCE = 60.0
"""Seconds that a process waits for another one's write to an SQLite file."""
EXPLAINED = "sparx"
"""The attribute under which a study and its trials keep what is ours."""


@dataclass(frozen=True)
class Attempt:
    """One time that a trial was begun, by Optuna's id; several may have the number of one trial."""

    id: int
    record: TrialRecord
    died: bool = False
    """Whether it ended with its worker."""


class Store:
    """One study's file, open in this process."""

    def __init__(self, path: Path, space: Space, storage: BaseStorage) -> None:
        self.path, self.space, self.storage = path, space, storage
        self.folder = files_folder(path.absolute())
        self.workers = self.folder / "workers"
        self.claims = FolderLock(self.folder / "claims.lock")
        """Held by whoever decides which trial to begin."""
        self.id = -1
        self.width = 0
        """How many values a trial has."""
        self._ended: dict[int, Attempt] = {}
        """The attempts that have ended, which never change, by id."""

    def study(self, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
        """The study as Optuna's samplers take it, without what an earlier one has cached."""
        return optuna.load_study(study_name=STUDY, storage=self.storage, sampler=sampler)

    def header(self) -> Header | None:
        """What the study was begun with; None for a file without a study. Raises ``SparxError`` (SPX752)."""
        with readable(self.path):
            try:
                self.id = self.storage.get_study_id_from_name(STUDY)
            except KeyError:
                return None
            held = self.storage.get_study_user_attrs(self.id).get(EXPLAINED)
            if held is None and not self.storage.get_all_trials(self.id, deepcopy=False):
                return None
            self.width = len(self.storage.get_study_directions(self.id))
            return read_header(held, self.width)

    def begin(self, header: Header) -> None:
        """Write the header of a new study."""
        if self.id >= 0:  # A process was killed between the two steps below.
            self.storage.delete_study(self.id)
        directions = [StudyDirection[direction.upper()] for direction in header.directions]
        self.id, self.width = self.storage.create_new_study(directions, STUDY), len(directions)
        self.storage.set_study_user_attr(self.id, EXPLAINED, asdict(header))

    def attempts(self) -> list[Attempt]:
        """Every attempt of every trial, in the order in which they began; raises ``SparxError`` (SPX752)."""
        with readable(self.path):
            trials = self.storage.get_all_trials(self.id, deepcopy=False)
            # Optuna's public names give a trial's number and its id only one after the other, with a look at the file.
            ids = [trial._trial_id for trial in trials]  # pyright: ignore[reportPrivateUsage]
            found: list[Attempt] = []
            for one, trial in zip(ids, trials, strict=True):
                attempt = self._ended.get(one)
                if attempt is None and "number" in trial.user_attrs:
                    attempt = Attempt(one, *read_record(trial, self.space, self.width))
                    if trial.state.is_finished():
                        self._ended[one] = attempt
                found += [] if attempt is None else [attempt]
            return found

    def records(self) -> tuple[TrialRecord, ...]:
        """One record for each trial."""
        return tuple(by_number([attempt.record for attempt in self.attempts()]))

    def create(self, number: int, worker: str) -> int:
        """Begin a trial; its id."""
        trial = create_trial(state=TrialState.RUNNING, user_attrs={"number": number, "worker": worker})
        return self.storage.create_new_trial(self.id, trial)

    def frozen(self, attempt: int) -> FrozenTrial:
        """The attempt as Optuna's samplers take it."""
        return self.storage.get_trial(attempt)

    def draw(self, attempt: int, point: Point, prices: Prices, parent: int | None) -> None:
        """Write down which point an attempt is about."""
        for choice in self.space.choices:
            if choice.name in point.picks:
                kind = distribution_of(choice)
                internal = kind.to_internal_repr(point.picks[choice.name])
                self.storage.set_trial_param(attempt, choice.name, internal, kind)
        drawn = {"params": prices.params, "macs": prices.macs, "peak": prices.peak, "parent": parent,
                 "values": json.dumps(self.space.values(point))}  # fmt: skip
        self.storage.set_trial_user_attr(attempt, "drawn", drawn)

    def finish(self, attempt: int, outcome: Outcome) -> bool:
        """Write down what came of an attempt; false where others took its worker for dead, and the trial is theirs."""
        try:
            if outcome.attributes:
                self.storage.set_trial_user_attr(attempt, "attributes", dict(outcome.attributes))
            for name, value in outcome.constraints.items():
                self.storage.set_trial_system_attr(attempt, f"constraints:{name}", value)
            if outcome.cause is not None:
                cause = {"type": outcome.cause.type, "message": outcome.cause.message, "trace": outcome.cause.trace}
                self.storage.set_trial_user_attr(attempt, "cause", cause)
                self.storage.set_trial_state_values(attempt, TrialState.FAIL)
            else:
                self.storage.set_trial_state_values(attempt, TrialState.COMPLETE, list(outcome.values))
        except UpdateFinishedTrialError:
            return False
        return True

    def lose(self, attempt: int, *, died: bool = False) -> None:
        """End an attempt that came to nothing, since its worker died or gave it back; its trial can begin anew."""
        with contextlib.suppress(UpdateFinishedTrialError):
            if died:
                self.storage.set_trial_user_attr(attempt, "died", True)
            self.storage.set_trial_state_values(attempt, TrialState.FAIL)

    def trial_folder(self, number: int) -> Path:
        """The folder of a trial's own files."""
        return (self.folder / "trials" / f"{number:05d}").absolute()


def distribution_of(choice: Choice) -> BaseDistribution:
    """What Optuna knows of a choice: the numbers of its values, in order where the values are rising numbers."""
    values, count = choice.values, len(choice.alternatives)
    rising = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if rising and list(values) == sorted(cast("Sequence[float]", values)):
        return IntDistribution(0, count - 1)
    return CategoricalDistribution(range(count))


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Optuna keeps its remarks to itself inside the block."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_store(path: Path, space: Space, *, make: bool = True) -> Store:
    """Open a study's file, and make it and its folder where they are missing; raises ``SparxError`` (SPX752)."""
    where = at_study(path)
    if path.suffix not in (*JOURNALS, *DATABASES):
        known = ", ".join((*JOURNALS, *DATABASES))
        message = f"{quoted(path.name)} has not the ending of a study's file"
        raise SparxError(Diagnostic("SPX752", message, where, help=f"write one of {known}"))
    if not make and not path.is_file():
        raise SparxError(Diagnostic("SPX752", "there is no such study", where))
    file = path.absolute()
    folder = files_folder(file)
    with readable(path):
        (folder / "workers").mkdir(parents=True, exist_ok=True)
        with FolderLock(folder / "opening.lock"):
            if path.suffix in JOURNALS:
                file.open("ab").close()
                return Store(path, space, JournalStorage(Journal(file, FolderLock(folder / "journal.lock"))))
            options = {"connect_args": {"timeout": PATIENCE}}
            database = RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs=options)
            return Store(path, space, get_storage(database))


def enter(store: Store, header: Header, *, seed_given: bool) -> Header:
    """Begin the study, or make sure that it goes on with what it was begun with; raises ``SparxError``.

    SPX753 for another space, SPX754 for other values or another seed.
    """
    with reachable(store.path), store.claims:
        held = store.header()
        if held is None:
            store.begin(header)
            return header
    where = at_study(store.path)
    if held.space != header.space:
        message = f"the study is one of another space, {quoted(held.space_name)} as it was then"
        advice = "name another file with --study, or go on with the space that it was begun with"
        raise SparxError(Diagnostic("SPX753", message, where, help=advice))
    if (held.names, held.directions) != (header.names, header.directions):
        begun, now = (_told(one) for one in (held, header))
        raise SparxError(Diagnostic("SPX754", f"the study was begun with {begun}, not {now}", where))
    if seed_given and held.seed != header.seed:
        message = f"the study was begun with the seed {held.seed}, not {header.seed}"
        raise SparxError(Diagnostic("SPX754", message, where, help="leave the seed out to go on with it"))
    return held


def header_of(space: Space, names: tuple[str, ...], directions: Sequence[Direction], seed: int) -> Header:
    """What a study of that space begins with."""
    return Header(space_digest(space), space.name, names, tuple(directions), seed)


def _told(header: Header) -> str:
    return " and ".join(f"{name} to {word}" for name, word in zip(header.names, header.directions, strict=True))
