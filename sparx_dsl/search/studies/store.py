"""The study's file: an Optuna study in a journal or in SQLite, with what this project adds to its trials.

A trial is created with its number and its worker in one step, and ends with its values in one step, so that a process
killed at any moment leaves either nothing or something that the others recognise as unfinished.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, quoted
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.bounds import Prices
from sparx_dsl.search.space.choices import Choice, Point, value_text
from sparx_dsl.search.studies.attempts import Attempt, AttemptReader
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.journal import Journal
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.locks import SharedLock
from sparx_dsl.search.studies.outcome import Outcome
from sparx_dsl.search.studies.records import TrialRecord, by_number
from sparx_dsl.search.studies.snapshot import Header, read_header
from sparx_dsl.search.studies.storage_errors import access_errors, at_study, check_regular, content_errors

STUDY_NAME = "sparx"
JOURNALS = (".journal",)
DATABASES = (".db", ".sqlite", ".sqlite3")
SQLITE_SUFFIXES = ("-journal", "-wal", "-shm")
"""Of the files that SQLite keeps beside a database."""
HEADER_ATTRIBUTE = "sparx"


class Store:
    """One study's file, open in this process."""

    def __init__(self, path: Path, space: Space, storage: BaseStorage, folder: Path, lock: SharedLock) -> None:
        self.path, self.space, self.storage, self.folder, self.lock = path, space, storage, folder, lock
        self.workers = folder / "workers"
        self.id = -1
        self.width = 0
        """How many values a trial has."""
        self._reader = AttemptReader(storage, self.id, space, self.width)

    def study(
        self, sampler: optuna.samplers.BaseSampler | None = None, pruner: optuna.pruners.BasePruner | None = None
    ) -> optuna.Study:
        """The study as Optuna's samplers and pruners take it, without what an earlier one has cached."""
        return optuna.load_study(study_name=STUDY_NAME, storage=self.storage, sampler=sampler, pruner=pruner)

    def header(self) -> Header | None:
        """What the study was begun with; None for a file without a study. Raises ``SparxError`` (SPX752)."""
        with content_errors(self.path):
            try:
                self.id = self.storage.get_study_id_from_name(STUDY_NAME)
            except KeyError:
                return None
            stored = self.storage.get_study_user_attrs(self.id).get(HEADER_ATTRIBUTE)
            if stored is None and not self.storage.get_all_trials(self.id, deepcopy=False):
                return None
            self.width = len(self.storage.get_study_directions(self.id))
            self._reader = AttemptReader(self.storage, self.id, self.space, self.width)
            return read_header(stored, self.width)

    def begin(self, header: Header) -> None:
        """Write the header of a new study."""
        if self.id >= 0:  # A process was killed between the two steps below.
            self.storage.delete_study(self.id)
        directions = [StudyDirection[direction.upper()] for direction in header.directions]
        self.id, self.width = self.storage.create_new_study(directions, STUDY_NAME), len(directions)
        self._reader = AttemptReader(self.storage, self.id, self.space, self.width)
        # Optuna's tools call the values by these names.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self.study().set_metric_names(list(header.names))
        self.storage.set_study_user_attr(self.id, HEADER_ATTRIBUTE, asdict(header))

    def attempts(self) -> list[Attempt]:
        """Every attempt of every trial, in the order in which they began; raises ``SparxError`` (SPX752)."""
        recent = self.recent()
        return [*self._reader.settled, *recent]

    @property
    def settled(self) -> Sequence[Attempt]:
        """The attempts that ``recent`` leaves out: all before the first that is running. The list grows at its end."""
        return self._reader.settled

    def recent(self) -> list[Attempt]:
        """The attempts that are running, or began after one that is; raises ``SparxError`` (SPX752)."""
        with content_errors(self.path):
            return self._reader.recent()

    def records(self) -> tuple[TrialRecord, ...]:
        """One record for each trial."""
        return tuple(by_number([attempt.record for attempt in self.attempts()]))

    def create(self, number: int, worker: str) -> int:
        """Begin a trial; its id."""
        trial = create_trial(state=TrialState.RUNNING, user_attrs={"number": number, "worker": worker})
        return self.storage.create_new_trial(self.id, trial)

    def write_point(self, attempt: int, point: Point, prices: Prices, parent: int | None) -> None:
        """Write which point an attempt is about."""
        values = self.space.values(point)
        drawn = {"params": prices.params, "macs": prices.macs, "peak": prices.peak, "parent": parent,
                 "values": json.dumps(values)}  # fmt: skip
        with self.lock:
            for choice in self.space.choices:
                if choice.name in point.picks:
                    kind = distribution_of(choice)
                    internal = kind.to_internal_repr(point.picks[choice.name])
                    self.storage.set_trial_param(attempt, choice.name, internal, kind)
            # What Optuna's tools show of a trial: its parameters there are the numbers of values alone.
            shown = {name: value_text(value) for name, value in values.items()}
            for name, value in {"choices": shown, **asdict(prices), "drawn": drawn}.items():
                self.storage.set_trial_user_attr(attempt, name, value)

    def finish(self, attempt: int, outcome: Outcome) -> bool:
        """Write the outcome of an attempt; false where its worker was taken for dead, and others have the trial."""
        with self.lock, contextlib.suppress(UpdateFinishedTrialError):
            if outcome.attributes:
                self.storage.set_trial_user_attr(attempt, "attributes", dict(outcome.attributes))
            for name, value in outcome.constraints.items():
                self.storage.set_trial_system_attr(attempt, f"constraints:{name}", value)
            for step, value in outcome.intermediate.items():
                self.storage.set_trial_intermediate_value(attempt, step, value)
            if outcome.pruned:
                reported = self.storage.get_trial(attempt).intermediate_values
                # Samplers take the last value for the trial's, as where Optuna itself runs a study.
                last = [reported[max(reported)]] if reported and self.width == 1 else None
                self.storage.set_trial_state_values(attempt, TrialState.PRUNED, last)
            elif outcome.cause is not None:
                self.storage.set_trial_user_attr(attempt, "cause", asdict(outcome.cause))
                self.storage.set_trial_state_values(attempt, TrialState.FAIL)
            else:
                self.storage.set_trial_state_values(attempt, TrialState.COMPLETE, list(outcome.values))
            return True
        return False

    def lose(self, attempt: int, *, died: bool = False) -> None:
        """End an attempt without an outcome, since its worker died or gave it back; its trial can begin again."""
        with self.lock, contextlib.suppress(UpdateFinishedTrialError):
            if died:
                self.storage.set_trial_user_attr(attempt, "died", True)
            self.storage.set_trial_state_values(attempt, TrialState.FAIL)

    def trial_folder(self, number: int) -> Path:
        """The folder of a trial's own files."""
        return self.folder / "trials" / f"{number:05d}"


def distribution_of(choice: Choice) -> BaseDistribution:
    """A choice as Optuna's samplers take it: the indices of its values, ordered where the values are rising numbers."""
    values, count = choice.values, len(choice.alternatives)
    rising = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if rising and list(values) == sorted(cast("Sequence[float]", values)):
        return IntDistribution(0, count - 1)
    return CategoricalDistribution(range(count))


@contextlib.contextmanager
def silence_optuna() -> Generator[None]:
    """Silence Optuna's logging, but for warnings, inside the block."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_store(path: Path, space: Space, limits: StudyLimits, *, create: bool = True) -> Store:
    """Open a study's file, and make it and its folder where they are missing; raises ``SparxError`` (SPX752)."""
    where = at_study(path)
    if path.suffix not in (*JOURNALS, *DATABASES):
        known = ", ".join((*JOURNALS, *DATABASES))
        message = f"{quoted(path.name)} has an unsupported file extension for a study"
        raise SparxError(Diagnostic(Code.STUDY_NOT_USABLE, message, where, help=f"use one of {known}"))
    file = path.absolute()
    # The folder of locks and trials' files; no other study's file has it.
    folder = file.with_name(f"{file.name}.files")
    lock = SharedLock(folder / "study.lock", limits.lock_expiry_s)
    with content_errors(path):
        if not create and not path.exists():
            raise SparxError(Diagnostic(Code.STUDY_NOT_USABLE, "the study does not exist", where))
        beside = (file.with_name(f"{file.name}{suffix}") for suffix in SQLITE_SUFFIXES)
        check_regular(file, *beside, lock.path, lock.holder)
        if create or path.suffix in DATABASES:
            (folder / "workers").mkdir(parents=True, exist_ok=True)
        if path.suffix in JOURNALS:
            if create:
                file.open("ab").close()
            return Store(path, space, JournalStorage(Journal(file, lock, limits.journal_bytes)), folder, lock)
        options = {"connect_args": {"timeout": limits.database_s}}
        with lock:
            database = RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs=options)
        return Store(path, space, get_storage(database), folder, lock)


def open_study(config: StudyConfig) -> tuple[Store, Header]:
    """Open the study that was asked for, and begin it or make sure that it goes on with what it was begun with.

    Raises ``SparxError``: SPX752, SPX753 for another space, SPX754 for other values or another seed.
    """
    store, header = open_store(config.path, config.space, config.limits), Header.of(config)
    with access_errors(store.path), store.lock:
        stored = store.header()
        if stored is None:
            store.begin(header)
            return store, header
    check_header(stored, header, at_study(config.path), seed_given=config.seed is not None)
    return store, stored


def check_header(stored: Header, header: Header, where: Where, *, seed_given: bool) -> None:
    """Raise ``SparxError`` where a study was begun with something else: SPX753 for the space, SPX754 for the rest."""
    if stored.space != header.space:
        message = f"the study belongs to another space, {quoted(stored.space_name)} as it was when it began"
        advice = "name another file with --study, or go on with the space that it was begun with"
        raise SparxError(Diagnostic(Code.STUDY_OF_ANOTHER_SPACE, message, where, help=advice))
    if (stored.names, stored.directions) != (header.names, header.directions):
        raise SparxError(
            Diagnostic(Code.STUDY_SETTINGS_DIFFER, f"the study was begun with {stored}, not {header}", where)
        )
    if seed_given and stored.seed != header.seed:
        message = f"the study was begun with the seed {stored.seed}, not {header.seed}"
        raise SparxError(
            Diagnostic(Code.STUDY_SETTINGS_DIFFER, message, where, help="leave the seed out to go on with it")
        )
