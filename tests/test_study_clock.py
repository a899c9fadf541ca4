"""The clock of a machine may be set while a study runs: trials, leases and timeouts do not look at it."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.search.studies.heartbeat import CrashDetector, Heartbeat
from sparx_dsl.search.studies.limits import StudyLimits
from tests.support.studies import config_of, ends, params, small_space

SPACE = small_space()
HOUR, DAY = 3_600.0, 86_400.0
JUMPS = (0.0, -HOUR, DAY, -DAY, 10 * 365 * DAY, 0.0)
"""Seconds by which the clock is wrong, one trial after the other."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that is wrong by the one number within."""
    right, wrong = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: right() + wrong[0])
    monkeypatch.setattr(time, "time_ns", lambda: int((right() + wrong[0]) * 1e9))
    return wrong


def test_a_study_goes_on_whatever_the_clock_says(tmp_path: Path, clock: list[float]) -> None:
    """Its timeout of ten minutes neither ends it early nor never, and its trials are those of a steady clock."""

    def objective(trial: sparx_dsl.Trial) -> float:
        clock[0] = JUMPS[trial.number]
        return params(trial)

    def run(name: str, asked: Callable[[sparx_dsl.Trial], float]) -> list[tuple[int, object, tuple[float, ...]]]:
        study = tmp_path / name
        return ends(sparx_dsl.run_study(SPACE, asked, trials=6, study=study, seed=3, sampler="random", timeout=600))

    found = run("jumps.journal", objective)
    assert len(found) == len(JUMPS)
    assert found == run("steady.journal", params)


def test_what_is_left_of_a_timeout_travels(tmp_path: Path, clock: list[float]) -> None:
    """To processes and machines whose clocks say something else."""
    config = config_of(tmp_path / "a.journal", "params", StudyLimits())
    limited = [pickle.dumps(replace(config, timeout=timeout)) for timeout in (0.0, 600.0)]
    time.sleep(0.01)
    for clock[0] in JUMPS:
        assert [pickle.loads(each).is_late for each in limited] == [True, False]  # noqa: S301


def test_a_worker_lives_whatever_the_clock_says(tmp_path: Path, clock: list[float]) -> None:
    """On this machine, and on another as long as its heart beats."""
    limits = StudyLimits(heartbeat_expiry_s=60.0)
    watch = CrashDetector(tmp_path, limits)
    (tmp_path / "elsewhere_1_a.alive").touch()
    (tmp_path / "elsewhere_1_a.beat").write_text("1", encoding="ascii")
    with Heartbeat(tmp_path, limits) as own:
        for clock[0] in JUMPS:
            assert not watch.is_dead(own.worker)
            assert not watch.is_dead("elsewhere_1_a")
