"""Ctrl-C and SIGTERM: an interrupt is never lost, and never leaves half of a step."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.search.studies.interrupts import Interrupts, interrupts_held
from tests.support import studies

WORKER = """
import signal
from sparx_dsl.search.studies.interrupts import Interrupts, release_interrupts
signal.raise_signal(signal.SIGINT)
with Interrupts(once=True) as interrupts:
    interrupts.check()
    print("began")
    release_interrupts()
    interrupts.check()
"""
SMALL = studies.small_space()
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_an_interrupt_waits_for_a_moment_at_which_it_may_come(number: signal.Signals) -> None:
    """It is raised where it is asked for, or at once inside a block that says so; a second one is raised anywhere."""
    with Interrupts() as interrupts:
        interrupts.check()
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with pytest.raises(KeyboardInterrupt), interrupts.immediate():
            pytest.fail("it is raised before the block")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.immediate():
        signal.raise_signal(number)


@BOTH
def test_where_one_counts_the_next_disturb_nothing(number: signal.Signals) -> None:
    """What follows the first interrupt goes on, however many come."""
    with Interrupts(once=True) as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.immediate():
            signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_handlers_of_the_program_are_left_alone() -> None:
    """Its own are not replaced, the others are put back; nothing is changed from another thread."""
    own: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: own.append(number))
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGTERM)
            interrupts.check()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert own == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler

    def elsewhere() -> None:
        with Interrupts():
            own.append(int(signal.getsignal(signal.SIGINT) == signal.default_int_handler))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert own == [signal.SIGTERM, True]


def test_an_interrupt_that_the_objective_swallows_stops_the_study_after_its_trial(tmp_path: Path) -> None:
    """The trial has its value, and no other one is begun."""

    def objective(trial: sparx_dsl.Trial) -> float:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        sparx_dsl.run_study(SMALL, objective, trials=3, study=tmp_path / "a.journal")
    assert [trial.state for trial in sparx_dsl.read_study(SMALL, tmp_path / "a.journal").trials] == ["complete"]


def test_a_worker_that_is_being_started_is_interrupted_when_it_has_begun() -> None:
    """In a terminal Ctrl+C comes to the study and to its workers, be they ready or not; to neither while one starts."""
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with interrupts_held():
            command = [sys.executable, "-c", WORKER]
            workers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        start()
    began, told = workers.pop().communicate()
    assert (began, told.count(b"Traceback"), told.splitlines()[-1]) == (b"began\n", 1, b"KeyboardInterrupt")
