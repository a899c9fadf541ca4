"""Locks between processes and machines, and which workers are alive."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sparx_dsl.search.studies.heartbeat import CrashDetector, Heartbeat
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.locks import UNNAMED_EXPIRY_S, SharedLock, this_machine
from tests.support.paths import ROOT

LIMITS = StudyLimits(heartbeat_s=0.05, heartbeat_expiry_s=0.5)
HOLD_LOCK = """
from sparx_dsl.search.studies.locks import SharedLock
lock = SharedLock(folder / "a.lock", 30)
lock.__enter__()
print(flush=True)
"""
BE_ALIVE = """
from sparx_dsl.search.studies.heartbeat import Heartbeat
from sparx_dsl.search.studies.limits import StudyLimits
heartbeat = Heartbeat(folder, StudyLimits(heartbeat_s=0.05))
heartbeat.__enter__()
print(heartbeat.worker, flush=True)
"""


@contextmanager
def process(code: str, folder: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Another process that runs this and stays, with the line that it prints."""
    whole = f"import sys, time\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n{code}\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", whole, str(folder)], stdout=subprocess.PIPE, text=True,
                          cwd=ROOT) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


# Locks.


def test_one_at_a_time(tmp_path: Path) -> None:
    """Eight threads that add to a number in a file lose not one addition; each may enter the lock that it has again."""
    total = tmp_path / "total"
    total.write_text("0")
    lock = SharedLock(tmp_path / "a.lock", 30)

    def add() -> None:
        for _ in range(10):
            with lock, lock:
                total.write_text(str(int(total.read_text()) + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total.read_text() == "80"
    assert not lock.holder.exists()


def test_a_lock_is_waited_for_until_its_holder_is_killed(tmp_path: Path) -> None:
    """While another process has it, it is not ours; once that one is killed it is, without a wait for any expiry."""
    lock = SharedLock(tmp_path / "a.lock", 10**9)
    taken = threading.Event()

    def take() -> None:
        with lock:
            taken.set()

    with process(HOLD_LOCK, tmp_path) as (holder, _):
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.3)
        assert lock.holder.read_text() == this_machine()
        holder.kill()
        thread.join()
        assert taken.is_set()


@pytest.mark.parametrize(("name", "least"), [("elsewhere", 0.5), ("", UNNAMED_EXPIRY_S)])
def test_a_lock_of_another_machine_is_left_alone_for_a_while(name: str, least: float, tmp_path: Path) -> None:
    """It is taken over after the expiry and not before; so is one whose holder was killed before it wrote its name."""
    lock = SharedLock(tmp_path / "a.lock", 0.5)
    lock.holder.write_text(name)
    started = time.monotonic()
    with lock:
        assert time.monotonic() - started > least
        assert lock.holder.read_text() == this_machine()
    assert not lock.holder.exists()


# Workers.


def test_a_worker_is_alive_until_it_is_killed(tmp_path: Path) -> None:
    """Others on its machine know at once; of a worker that nobody heard of nothing is left to be alive."""
    watch = CrashDetector(tmp_path, LIMITS)
    with process(BE_ALIVE, tmp_path) as (running, worker):
        assert not watch.is_dead(worker)
        running.kill()
        running.wait()
        assert watch.is_dead(worker)
    assert watch.is_dead("nobody_1_a")
    with Heartbeat(tmp_path, LIMITS) as own:
        assert not watch.is_dead(own.worker)
    assert watch.is_dead(own.worker)
    assert list(tmp_path.iterdir()) == []


def test_a_child_of_a_worker_does_not_keep_it_alive(tmp_path: Path) -> None:
    """What the objective forked may outlive the worker that was killed; the worker is dead all the same."""
    watch = CrashDetector(tmp_path, LIMITS)
    # The child says that it is there: before it runs for the first time, it has what its parent has open.
    code = BE_ALIVE + "import os\nif os.fork() == 0: print(flush=True); time.sleep(5); os._exit(0)\n"
    with process(code, tmp_path) as (running, worker):
        assert running.stdout is not None
        running.stdout.readline()
        assert not watch.is_dead(worker)
        running.kill()
        running.wait()
        assert watch.is_dead(worker)


def test_a_suspended_worker_of_this_machine_is_alive(tmp_path: Path) -> None:
    """Stopped for longer than the expiry, it is not taken for dead: it can go on at any time."""
    watch = CrashDetector(tmp_path, LIMITS)
    with process(BE_ALIVE, tmp_path) as (running, worker):
        running.send_signal(signal.SIGSTOP)
        assert not watch.is_dead(worker)
        time.sleep(2 * LIMITS.heartbeat_expiry_s)
        assert not watch.is_dead(worker)


def test_a_worker_of_another_machine_is_dead_when_it_is_silent(tmp_path: Path) -> None:
    """As long as its heart beats it lives, whatever its lock says here; after its last beat the expiry ends it."""
    watch = CrashDetector(tmp_path, StudyLimits(heartbeat_expiry_s=0.1))
    assert watch.is_dead("elsewhere_1_a")
    (tmp_path / "elsewhere_1_a.alive").touch()
    for beat in range(4):
        (tmp_path / "elsewhere_1_a.beat").write_text(str(beat))
        time.sleep(0.2)
        assert not watch.is_dead("elsewhere_1_a")
    time.sleep(0.2)
    assert watch.is_dead("elsewhere_1_a")
    assert list(tmp_path.iterdir()) == []


def test_a_heart_beats(tmp_path: Path) -> None:
    """The count in its file goes up by itself."""
    with Heartbeat(tmp_path, LIMITS) as own:
        file = tmp_path / f"{own.worker}.beat"
        assert any((file.is_file() and file.read_text() > "3") or time.sleep(0.02) for _ in range(3000))
