"""Worker processes of a study: however one ends, its trial is begun again, and the study is told to its end."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.search.studies.claims import Status
from sparx_dsl.search.studies.config import StudyConfig
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.outcome import Cause
from sparx_dsl.search.studies.run import run
from sparx_dsl.search.studies.worker_pool import WorkerPool
from tests.support import studies

SMALL = studies.small_space()
LIMITS = StudyLimits(poll_s=0.05, terminate_s=0.5, crashes_without_progress=2)


def test_a_worker_that_ends_in_a_trial_is_replaced(tmp_path: Path) -> None:
    """By ``os._exit(0)``, another status, a signal, a crash, another program in its place; and one that does not end.

    Each trial has its value in the end, and each that lost a worker was begun twice.
    """
    config = studies.config_of(tmp_path / "a.journal", studies.ends_in_every_way, LIMITS, trials=8, workers=2)
    result = run(config)
    assert [trial.state for trial in result.trials] == ["complete"] * 8
    assert (tmp_path / "a.journal").read_text().count('"died":true') == 5


def test_a_trial_that_ends_every_worker_fails(tmp_path: Path) -> None:
    """After as many workers as it may cost it has failed for good, and all others have their values."""
    limits = StudyLimits(poll_s=0.05, worker_crashes=2)
    result = run(studies.config_of(tmp_path / "a.journal", studies.deadly, limits, trials=4, workers=2))
    assert [trial.state for trial in result.trials] == ["complete", "failed", "complete", "complete"]
    assert result.trials[1].cause == Cause("WorkerDied", "the trial's worker crashed 2 times")


def test_an_interrupt_in_a_worker_is_one_of_the_study(tmp_path: Path) -> None:
    """The study stops, as it does with one worker, and its trial is left to the next who comes."""
    path = tmp_path / "a.journal"
    with pytest.raises(KeyboardInterrupt):
        sparx_dsl.run_study(SMALL, studies.interrupted, trials=4, study=path, workers=2)
    assert sparx_dsl.read_study(SMALL, path).trials[1].state == "lost"
    assert '"died"' not in path.read_text()


def dies(config: StudyConfig, messages: Connection, threads: int) -> None:
    """A worker that ends before it has begun a trial."""
    os._exit(7)


def test_workers_that_cannot_begin(tmp_path: Path) -> None:
    """Workers that die before any trial are not replaced for ever."""
    config = studies.config_of(tmp_path / "a.journal", "params", LIMITS, workers=2)
    with pytest.raises(SparxError) as caught:
        WorkerPool(config, target=dies).run(lambda: Status((), finished=False))
    (found,) = caught.value.diagnostics
    assert (found.code, found.notes) == ("SPX761", ("the last one ended with the status 7",))
    assert found.message == "2 workers crashed one after the other before any had begun a trial"


def test_workers_are_not_replaced_once_no_trial_may_begin(tmp_path: Path) -> None:
    """Whatever they end with: all trials have ended, or the timeout is over."""
    config = studies.config_of(tmp_path / "a.journal", "params", LIMITS, workers=2)
    WorkerPool(config, target=dies).run(lambda: Status((), finished=True))
    WorkerPool(replace(config, timeout=0), target=dies).run(lambda: Status((), finished=False))


def test_an_objective_that_cannot_be_sent(tmp_path: Path) -> None:
    """Other processes cannot be given a function without a name."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.run_study(SMALL, lambda trial: 1.0, trials=2, study=tmp_path / "a.journal", workers=2)
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("SPX751", "make it a function of a module, or use one worker")


def test_what_stops_a_worker_stops_the_study(tmp_path: Path) -> None:
    """The error of a worker's process is the caller's."""
    with pytest.raises(SparxError, match="SPX757"):
        sparx_dsl.run_study(SMALL, studies.two, trials=2, study=tmp_path / "a.journal", workers=2)


def test_an_objective_leaves_the_path_of_modules_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is looked through while it is imported and while it is called, so that it may import more then."""
    (tmp_path / "first_module.py").write_text("def find(trial):\n    import second_module as m\n    return m.value\n")
    (tmp_path / "second_module.py").write_text("value = 2.0\n")
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    result = sparx_dsl.run_study(SMALL, "first_module:find", trials=2, study=tmp_path / "a.journal")
    assert [trial.values for trial in result.trials] == [(2.0,), (2.0,)]
    assert sys.path == before
