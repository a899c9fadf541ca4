"""Studies in several processes, which are killed, terminated, and gone on with."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import sparx_dsl
from tests.support import studies

SMALL = studies.small_space()


def test_two_workers_do_each_trial_once(tmp_path: Path) -> None:
    """With the random sampler the trials are those of one worker, and the log shows each number once."""
    alone = sparx_dsl.run_study(SMALL, "params", trials=12, study=tmp_path / "a.journal", sampler="random",
                                directions=["max"])  # fmt: skip
    both = sparx_dsl.run_study(SMALL, studies.logged, trials=12, study=tmp_path / "b.journal", sampler="random",
                               workers=2)  # fmt: skip
    assert studies.ends(alone) == studies.ends(both)
    lines = (tmp_path / "b.journal.files" / "log.txt").read_text().split("\n")[:-1]
    assert sorted(int(line.split()[0]) for line in lines) == list(range(12))
    assert len({trial.worker for trial in both.trials}) == 2


def test_two_commands_share_one_study(tmp_path: Path) -> None:
    """Two processes that know of each other by the file alone do fourteen trials together, each number once."""
    words = ("--objective", "tests.support.studies:logged", "--trials", 14, "--study", "a.journal", "--sampler", "tpe")
    running = [studies.command(tmp_path, *words) for _ in range(2)]
    assert [(process.communicate(timeout=120), process.returncode)[1] for process in running] == [0, 0]
    result = studies.look(tmp_path, "a.journal")
    assert result is not None
    assert len(result.complete) == 14
    lines = (tmp_path / "a.journal.files" / "log.txt").read_text().split("\n")[:-1]
    assert sorted(int(line.split()[0]) for line in lines) == list(range(14))
    assert len({line.split()[1] for line in lines}) == 2


def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    """Workers killed in a trial: what had ended stays, and the study ends with the number asked for."""
    words = ("--objective", "tests.support.studies:slow", "--trials", 8, "--study", "a.journal", "--workers", 2)
    process = studies.command(tmp_path, *words)
    assert studies.kill_workers(process, tmp_path, "a.journal", 2) == 2
    result = studies.look(tmp_path, "a.journal")
    assert (process.returncode, result and [trial.state for trial in result.trials]) == (0, ["complete"] * 8)


@pytest.mark.slow
@pytest.mark.parametrize("study", ["a.journal", "a.db"])
def test_ten_killed_workers_cost_nothing(study: str, tmp_path: Path) -> None:
    """Ten kills in one study: no trial that had ended is lost or counted twice, and the number is the one asked for."""
    words = ("--objective", "tests.support.studies:slow", "--trials", 60, "--study", study, "--workers", 3)
    process = studies.command(tmp_path, *words)
    assert studies.kill_workers(process, tmp_path, study, 10) == 10
    result = studies.look(tmp_path, study)
    assert (process.returncode, result and [trial.state for trial in result.trials]) == (0, ["complete"] * 60)
    assert result is not None
    assert [trial.number for trial in result.trials] == list(range(60))


def test_a_killed_command_is_gone_on_with(tmp_path: Path) -> None:
    """The whole command killed in a trial, and given again: the trials are those of a study that nobody killed."""
    words = ("--objective", "tests.support.studies:killed_twice", "--trials", 6, "--study", "a.journal")
    statuses: list[int] = []
    for _ in range(3):
        process = studies.command(tmp_path, *words)
        process.communicate()
        statuses.append(process.returncode)
    assert statuses == [-signal.SIGKILL, -signal.SIGKILL, 0]
    result = studies.look(tmp_path, "a.journal")
    unharmed = sparx_dsl.run_study(SMALL, "params", trials=6, study=tmp_path / "b.journal")
    assert result is not None
    assert [trial.state for trial in result.trials] == ["complete"] * 6
    assert [trial.point for trial in result.trials] == [trial.point for trial in unharmed.trials]


@pytest.mark.parametrize(
    ("workers", "end", "number"),
    [(1, os.kill, signal.SIGTERM), (2, os.kill, signal.SIGTERM), (2, os.killpg, signal.SIGTERM),
     (2, os.killpg, signal.SIGINT)],
)  # fmt: skip
def test_a_command_that_is_asked_to_end_gives_its_trials_back(
    workers: int, end: Callable[[int, int], None], number: signal.Signals, tmp_path: Path
) -> None:
    """It ends with the status of an interrupt, alone or with its workers, as in a terminal; no worker has died."""
    words = ("--objective", "tests.support.studies:slow", "--trials", 40, "--study", "a.journal", "--workers", workers)
    process = studies.command(tmp_path, *words, start_new_session=True)
    begun: set[str] = set()
    while len(begun) < workers:
        assert process.poll() is None
        result = studies.look(tmp_path, "a.journal")
        begun = set() if result is None else {trial.worker for trial in result.trials}
    end(process.pid, number)
    _, told = process.communicate(timeout=120)
    assert (process.returncode, told.splitlines()[-1]) == (130, "stopped; the same command goes on with a.journal")
    result = studies.look(tmp_path, "a.journal")
    assert result is not None
    assert {trial.state for trial in result.trials} <= {"complete", "lost"}
    assert '"died"' not in (tmp_path / "a.journal").read_text()
    assert list((tmp_path / "a.journal.files" / "workers").iterdir()) == []
