"""Studies on a local Ray cluster: the same trials, whoever runs them and whoever dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl import RayOptions, SparxError
from tests.support import studies
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.slow,
    # What Ray leaves open when it ends is its own.
    pytest.mark.filterwarnings("ignore"),
]
SMALL = studies.small_space()


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's workers find the objectives of the tests."""
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)


@pytest.fixture(scope="module")
def _cluster() -> Generator[None]:
    """A cluster that the studies of several tests use, and leave running."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        assert ray.is_initialized()
        ray.shutdown()


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    """The error names the address."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.run_study(SMALL, "params", trials=1, study=tmp_path / "a.journal", ray=RayOptions("127.0.0.1:1"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("SPX760", "no Ray cluster can be reached at 127.0.0.1:1")


def test_a_cluster_of_its_own_gives_the_same_trials(tmp_path: Path) -> None:
    """The random sampler's trials of a seed are those of one process here; each was run once, by two workers.

    The cluster that was started for the study ends with it.
    """
    here = sparx_dsl.run_study(SMALL, "params", trials=12, study=tmp_path / "here.journal", sampler="random",
                               directions=["max"], seed=5)  # fmt: skip
    there = sparx_dsl.run_study(SMALL, "tests.support.studies:logged", trials=12, study=tmp_path / "there.journal",
                                sampler="random", seed=5, workers=2, ray=RayOptions())  # fmt: skip
    assert studies.ends(here) == studies.ends(there)
    lines = [line.split() for line in (tmp_path / "there.journal.files" / "log.txt").read_text().splitlines()]
    assert sorted(int(number) for number, _ in lines) == list(range(12))
    assert len({worker for _, worker in lines}) == 2
    assert not sys.modules["ray"].is_initialized()


@pytest.mark.usefixtures("_cluster")
def test_dead_workers_of_a_cluster_cost_nothing(tmp_path: Path) -> None:
    """Workers that end in a trial, in every way: the trials are those of a study in which nobody died."""
    here = sparx_dsl.run_study(SMALL, "params", trials=8, study=tmp_path / "here.journal", sampler="random")
    there = sparx_dsl.run_study(SMALL, "tests.support.studies:ends_in_every_way", trials=8, sampler="random",
                                study=tmp_path / "there.journal", directions=["min"], workers=2,
                                ray=RayOptions())  # fmt: skip
    assert len([*(tmp_path / "there.journal.files" / "trials").glob("*/begun")]) == 6
    assert studies.ends(here) == studies.ends(there)


@pytest.mark.usefixtures("_cluster")
def test_failures_and_errors_come_back_from_a_cluster(tmp_path: Path) -> None:
    """A failed trial has its cause; an answer of the wrong form stops the study."""
    result = sparx_dsl.run_study(SMALL, "tests.support.studies:some_fail", trials=5, study=tmp_path / "a.journal",
                                 workers=2, ray=RayOptions())  # fmt: skip
    assert [trial.number for trial in result.failed] == [1, 4]
    cause = result.failed[0].cause
    assert cause is not None
    assert (cause.type, cause.message) == ("RuntimeError", "no memory for 1")
    with pytest.raises(SparxError, match="SPX757 the objectives returned 2 values"):
        sparx_dsl.run_study(SMALL, "tests.support.studies:two", trials=2, study=tmp_path / "b.journal", workers=1,
                            ray=RayOptions())  # fmt: skip
