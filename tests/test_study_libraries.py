"""What the libraries that studies build on do not do: why there is a journal, a lock, a heartbeat and a pool here."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import optuna
import pytest
from filelock import FileLock, SoftFileLease, Timeout
from optuna.storages import JournalStorage, RDBStorage, RetryFailedTrialCallback
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import TrialState

KILLED_WHILE_HOLDING = """
import os, sys
from optuna.storages.journal import JournalFileSymlinkLock
JournalFileSymlinkLock(sys.argv[1]).acquire()
os.kill(os.getpid(), 9)
"""
HELD = """
import sys, time
from filelock import FileLock, SoftFileLease
held = FileLock(sys.argv[1] + ".kernel"), SoftFileLease(sys.argv[1] + ".lease", lease_duration=0.3)
for lock in held:
    lock.acquire()
print(flush=True)
time.sleep(600)
"""


def test_a_journal_of_optuna_stops_at_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """The next entry is appended to what a killed process left, and no entry can be read or written from then on."""
    backend = JournalFileBackend(str(tmp_path / "a.journal"))
    backend.append_logs([{"first": 1}])
    with (tmp_path / "a.journal").open("ab") as file:
        file.write(b'{"second"')
    backend.append_logs([{"third": 3}])
    backend.append_logs([{"fourth": 4}])
    with pytest.raises(ValueError, match="delimiter"):
        list(backend.read_logs(0))


def test_a_lock_of_optuna_outlives_its_process(tmp_path: Path) -> None:
    """Its file is still there, and names nobody; the next process waits until a grace period is over."""
    path = tmp_path / "a.journal"
    subprocess.run([sys.executable, "-c", KILLED_WHILE_HOLDING, str(path)], check=False)
    assert (tmp_path / "a.journal.lock").is_symlink()
    assert JournalFileSymlinkLock(str(path)).grace_period == 30


def test_heartbeats_of_optuna_are_for_databases_and_renumber_trials(tmp_path: Path) -> None:
    """A journal has none; in a database it is experimental, and a trial that is begun again has another number."""
    journal = JournalStorage(JournalFileBackend(str(tmp_path / "a.journal")))
    assert not hasattr(journal, "record_heartbeat")
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with pytest.warns(optuna.exceptions.ExperimentalWarning, match="heartbeat_interval"):
        RDBStorage(url, heartbeat_interval=1)
    study = optuna.create_study(storage=url)
    lost = study.ask()
    study.tell(lost, state=TrialState.FAIL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It is experimental too, and has another name in later versions.
        RetryFailedTrialCallback()(study, study.trials[0])
    assert [(trial.number, trial.state) for trial in study.trials] == [(0, TrialState.FAIL), (1, TrialState.WAITING)]


def test_a_lease_of_filelock_may_be_held_by_nobody_for_ever(tmp_path: Path) -> None:
    """A process that is killed between making it and writing who it is leaves it empty; then no expiry ends it."""
    (tmp_path / "a.lease").touch()
    with pytest.raises(Timeout):
        SoftFileLease(tmp_path / "a.lease", lease_duration=0.1).acquire(timeout=3)


def test_a_lease_of_filelock_expires_while_its_holder_is_suspended(tmp_path: Path) -> None:
    """The kernel's lock does not."""
    path = str(tmp_path / "a")
    with subprocess.Popen([sys.executable, "-c", HELD, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        SoftFileLease(f"{path}.lease", lease_duration=0.3).acquire()
        with pytest.raises(Timeout):
            FileLock(f"{path}.kernel").acquire(timeout=0)
        holder.kill()


def test_the_pools_of_python_lose_the_tasks_of_a_killed_worker() -> None:
    """One is broken from then on; the other one has a new worker, and never gives the task to it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        killed, other = executor.submit(os.abort), executor.submit(int, 1)
        for future in (killed, other):
            with pytest.raises(BrokenProcessPool):
                future.result()
    with context.Pool(1) as pool:
        lost = pool.apply_async(os.abort)
        assert pool.apply_async(int, (1,)).get(60) == 1
        with pytest.raises(multiprocessing.TimeoutError):
            lost.get(0.5)
        pool.terminate()
