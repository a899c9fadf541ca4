"""Studies on a local Ray cluster: the same trials, whoever runs them and whoever dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl import RayOptions, SparxError, StudyResult
from tests.support import studies
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.slow,
    # What Ray leaves open when it ends is its own.
    pytest.mark.filterwarnings("ignore"),
]
SMALL = studies.small_space()


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray's workers find the objectives of the tests, and there is no cluster left from before."""
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield
    assert not sys.modules["ray"].is_initialized()


def ends(result: StudyResult) -> list[tuple[int, object, tuple[float, ...]]]:
    """What came of each trial."""
    return [(trial.number, trial.point, trial.values) for trial in result.trials]


def test_a_cluster_gives_the_same_trials(tmp_path: Path) -> None:
    """The random sampler's trials of a seed are those of one process here; each was run once, by two workers."""
    here = sparx_dsl.run_study(SMALL, studies.logged, trials=12, study=tmp_path / "here.journal", sampler="random",
                               seed=5)  # fmt: skip
    there = sparx_dsl.run_study(SMALL, "tests.support.studies:logged", trials=12, study=tmp_path / "there.journal",
                                sampler="random", seed=5, workers=2, ray=RayOptions())  # fmt: skip
    assert ends(here) == ends(there)
    lines = [line.split() for line in (tmp_path / "there.journal.files" / "log.txt").read_text().splitlines()]
    assert sorted(int(number) for number, _ in lines) == list(range(12))
    assert len({worker for _, worker in lines}) == 2


def test_a_dead_worker_of_a_cluster_costs_nothing(tmp_path: Path) -> None:
    """A worker killed in the middle of a trial: the trials are those of a study in which nobody died."""
    here = sparx_dsl.run_study(SMALL, "params", trials=8, study=tmp_path / "here.journal", sampler="random")
    there = sparx_dsl.run_study(SMALL, "tests.support.studies:deadly_once", trials=8, study=tmp_path / "there.journal",
                                sampler="random", directions=["min"], workers=2, ray=RayOptions())  # fmt: skip
    assert (tmp_path / "there.journal.files" / "trials" / "00001" / "killed").exists()
    assert ends(here) == ends(there)


def test_failures_and_mistakes_come_back_from_a_cluster(tmp_path: Path) -> None:
    """A failed trial has its cause; an answer of the wrong form stops the study."""
    result = sparx_dsl.run_study(SMALL, "tests.support.studies:some_fail", trials=5, study=tmp_path / "a.journal",
                                 workers=2, ray=RayOptions())  # fmt: skip
    assert [trial.number for trial in result.failed] == [1, 4]
    cause = result.failed[0].cause
    assert cause is not None
    assert (cause.type, cause.message) == ("RuntimeError", "no memory for 1")
    with pytest.raises(SparxError, match="SPX757 the objectives gave 2 values"):
        sparx_dsl.run_study(SMALL, "tests.support.studies:two", trials=2, study=tmp_path / "b.journal", workers=1,
                            ray=RayOptions())  # fmt: skip


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    """The mistake names the address."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.run_study(SMALL, "params", trials=1, study=tmp_path / "a.journal", ray=RayOptions("127.0.0.1:1"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("SPX760", "no Ray cluster can be reached at 127.0.0.1:1")
