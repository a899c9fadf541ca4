"""The journal of a study, what comes too late for it, and what is no file at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.search.studies.journal import Journal
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.locks import SharedLock
from sparx_dsl.search.studies.outcome import Cause, Outcome
from sparx_dsl.search.studies.run import run
from sparx_dsl.search.studies.store import open_store
from tests.support import studies
from tests.support.paths import ROOT

SMALL = studies.small_space()
ENTRIES = st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2), max_size=8)


def journal_at(path: Path, max_bytes: int = 10**9) -> Journal:
    """The journal in that file, which is made."""
    path.touch()
    return Journal(path, SharedLock(path.with_suffix(".lock"), 30), max_bytes)


@given(ENTRIES, st.binary(max_size=9), st.sampled_from((0, 4090, 4095, 4096, 9000)))
def test_a_journal_gives_back_what_it_was_given(entries: list[dict[str, str]], torn: bytes, padding: int) -> None:
    """Whole entries, from any number on, whatever a killed process left behind them; one that never read too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.journal"
        journal = journal_at(path)
        for entry in entries:
            journal.append_logs([entry])
        with path.open("ab") as file:
            file.write(torn.replace(b"\n", b" ") + b" " * padding)
        assert list(journal.read_logs(0)) == entries
        journal.append_logs([{"last": "one"}])
        whole = [*entries, {"last": "one"}]
        for start in range(len(whole) + 1):
            assert list(journal.read_logs(start)) == whole[start:]
            assert list(journal_at(path).read_logs(start)) == whole[start:]


def test_a_journal_keeps_to_its_limit(tmp_path: Path) -> None:
    """What would make it larger is not written, and one that is larger is not read."""
    path = tmp_path / "a.journal"
    journal = journal_at(path, 20)
    journal.append_logs([{"a": 1}])
    with pytest.raises(SparxError, match=r"SPX752 .*: it has 22 bytes, more than the limit of 20"):
        journal.append_logs([{"a": 1, "b": 2}])
    assert list(journal.read_logs(0)) == [{"a": 1}]
    os.truncate(path, 2**40)  # Sparse: it takes no room on the disk.
    with pytest.raises(SparxError, match="SPX752"):
        list(journal.read_logs(0))
    with pytest.raises(SparxError) as caught:
        sparx_dsl.read_study(SMALL, path)
    (found,) = caught.value.diagnostics
    assert found.message.endswith("it has 1,099,511,627,776 bytes, more than the limit of 4,294,967,296")
    assert found.help == "begin another study, or keep it in a database: NAME.db"


def test_a_study_that_grows_beyond_its_limit_stops(tmp_path: Path) -> None:
    """It says so, and can still be read."""
    path = tmp_path / "a.journal"
    with pytest.raises(SparxError, match=r"SPX752 .*more than the limit of 6,000"):
        run(studies.config_of(path, "params", StudyLimits(journal_bytes=6_000), trials=9))
    assert 0 < len(sparx_dsl.read_study(SMALL, path).complete) < 9


TRY_ALL = """
import resource, sys, sparx_dsl
from tests.support import studies
resource.setrlimit(resource.RLIMIT_DATA, (2**31, 2**31))
space = studies.small_space()
for study in sys.argv[1:]:
    for call in (lambda: sparx_dsl.run_study(space, "params", trials=1, study=study),
                 lambda: sparx_dsl.read_study(space, study)):
        try:
            call()
        except sparx_dsl.SparxError as error:
            print(error.diagnostics[0].code, error.diagnostics[0].message)
"""
PLACES = (
    ("a.journal", "a.journal"), ("a.db", "a.db"), ("a.db", "a.db-journal"), ("a.db", "a.db-wal"),
    ("a.journal", "a.journal.files/study.lock"), ("a.journal", "a.journal.files/study.lock.owner"),
)  # fmt: skip
"""A study, and which of its files is something else."""


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """A device that never ends, and a pipe that blocks: neither is opened, for a study or beside it.

    In a process of its own, which may have 2 GiB of memory and two minutes.
    """
    files: list[Path] = []
    told: list[str] = []
    for number, (study, place) in enumerate(PLACES):
        for kind in ("zero", "pipe"):
            folder = tmp_path / f"{number} {kind}"
            (folder / "a.journal.files").mkdir(parents=True)
            (folder / study).touch()
            (folder / place).unlink(missing_ok=True)
            if kind == "pipe":
                os.mkfifo(folder / place)
            else:
                (folder / place).symlink_to("/dev/zero")
            files.append(folder / study)
            told += 2 * [f'SPX752 the study cannot be read and written: "{Path(place).name}" is not a regular file']
    ended = subprocess.run([sys.executable, "-c", TRY_ALL, *map(str, files)], cwd=ROOT, timeout=120, check=True,
                           capture_output=True, text=True)  # fmt: skip
    assert ended.stdout.splitlines() == told


@pytest.mark.parametrize("ending", [".journal", ".db"])
def test_what_a_worker_gives_too_late_does_not_count(ending: str, tmp_path: Path) -> None:
    """A worker that was taken for dead cannot end a trial that is no longer its own."""
    study = tmp_path / f"a{ending}"
    sparx_dsl.run_study(SMALL, "params", trials=1, study=study)
    store = open_store(study, SMALL, StudyLimits())
    assert store.header() is not None
    attempt = store.create(1, "somebody")
    store.lose(attempt, died=True)
    assert not store.finish(attempt, Outcome((1.0,), {"held": 0.0}, {"a": 1}))
    assert not store.finish(attempt, Outcome(cause=Cause("Late", "")))
    assert [record.state for record in store.records()] == ["complete", "lost"]
    again = sparx_dsl.run_study(SMALL, "params", trials=2, study=study)
    assert [trial.state for trial in again.trials] == ["complete", "complete"]
