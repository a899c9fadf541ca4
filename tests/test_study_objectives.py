"""Objectives that do what no objective should."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl import Trial
from tests.support import studies

SMALL = studies.small_space()


class UnspeakableError(Exception):
    """Fails even at saying what it is."""

    def __str__(self) -> str:
        raise ValueError


def cancelled(trial: Trial) -> float:
    """No ``Exception``, and no Ctrl-C either."""
    raise asyncio.CancelledError("gone")


def unspeakable(trial: Trial) -> float:
    """The message cannot be had."""
    raise UnspeakableError


def unprintable(trial: Trial) -> float:
    """The message would steer a terminal, and is no UTF-8."""
    raise ValueError("\udcff\x1b[31m\0 [bold]\nmore")


@pytest.mark.parametrize("ending", ["journal", "db"])
@pytest.mark.parametrize(
    ("objective", "told"),
    [(cancelled, "CancelledError: gone"), (unspeakable, "UnspeakableError"),
     (unprintable, r"ValueError: \udcff\x1b[31m\x00 [bold]")],
)  # fmt: skip
def test_what_an_objective_raises_is_told_whatever_it_is(
    objective: Callable[[Trial], float], told: str, ending: str, tmp_path: Path
) -> None:
    """The trial has failed, the others go on, and the table says so in letters that can be printed."""
    result = sparx_dsl.run_study(
        SMALL, lambda trial: objective(trial) if trial.number else 1.0, trials=3, study=tmp_path / f"a.{ending}"
    )
    assert [trial.state for trial in result.trials] == ["complete", "failed", "failed"]
    assert f"  {told} (trials 1, 2)" in sparx_dsl.study_table(result).splitlines()
    sparx_dsl.write_winners(result, tmp_path / "best")
    assert told in (tmp_path / "best" / "table.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["journal", "db"])
def test_strange_answers_are_kept(ending: str, tmp_path: Path) -> None:
    """Numbers too long for text, names that no file can hold."""
    answer = {
        "values": 1.0,
        "constraints": {"k\udcff": -1.0},
        "large": 10**5000,
        "\udcff": [-(2**70), {"a": 2**63 - 1}],
    }
    result = sparx_dsl.run_study(SMALL, lambda trial: answer, trials=1, study=tmp_path / f"a.{ending}")
    (trial,) = sparx_dsl.read_study(SMALL, tmp_path / f"a.{ending}").trials
    assert trial == result.trials[0]
    assert dict(trial.constraints) == {r"k\udcff": -1.0}
    assert int(str(trial.attributes["large"]), 16) == 10**5000
    assert trial.attributes["\udcff"] == [hex(-(2**70)), {"a": 2**63 - 1}]


def test_an_objective_that_goes_to_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything stays where the study was begun, and studies in one folder have files of their own."""
    monkeypatch.chdir(tmp_path)

    def leaving(trial: Trial) -> float:
        (trial.folder / "here").touch()
        os.chdir("/")
        return 1.0

    for ending in ("journal", "db"):
        monkeypatch.chdir(tmp_path)
        result = sparx_dsl.run_study(SMALL, leaving, trials=2, study=f"both.{ending}")
        assert len(result.complete) == 2
        assert len([*tmp_path.glob(f"both.{ending}.files/trials/*/here")]) == 2


def test_a_later_answer_of_the_wrong_form_fails_its_trial(tmp_path: Path) -> None:
    """Where other trials have values it is that trial's alone, and the study comes to its end."""
    path = tmp_path / "a.journal"
    result = sparx_dsl.run_study(SMALL, lambda trial: None if trial.number == 1 else 2.0, trials=3, study=path)
    assert [trial.state for trial in result.trials] == ["complete", "failed", "complete"]
    assert "SPX757 the objective returned nothing" in str(result.trials[1].cause)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_fails_its_trial(number: float, tmp_path: Path) -> None:
    """The trial has a cause, and the study goes on."""
    path = tmp_path / "a.journal"
    result = sparx_dsl.run_study(SMALL, lambda trial: number if trial.number == 1 else 2.0, trials=3, study=path)
    assert [trial.state for trial in result.trials] == ["complete", "failed", "complete"]
    assert f"SPX758 the objective returned {number}" in str(result.trials[1].cause)
