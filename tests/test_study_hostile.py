"""Studies whose files somebody has damaged or holds."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError, StudyResult, Trial
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.run import run
from sparx_dsl.search.studies.snapshot import read_record
from sparx_dsl.search.studies.store import STUDY_NAME
from tests.support import studies

SMALL = studies.small_space()


def params(trial: Trial) -> object:
    """Takes the place of ``studies.params``, with an attribute."""
    return {"values": 1.0, "note": [1]}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a study's journal."""
    path = tmp_path_factory.mktemp("whole") / "a.journal"
    sparx_dsl.run_study(SMALL, params, trials=2, study=path)
    return path.read_bytes().splitlines(keepends=True)


def refused(path: Path) -> str:
    """The note of the one mistake that reading the study, and going on with it, end with."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.read_study(SMALL, path)
    with pytest.raises(SparxError) as again:
        sparx_dsl.run_study(SMALL, studies.params, trials=3, study=path)
    (mistake,) = caught.value.diagnostics
    assert mistake.code == again.value.diagnostics[0].code == "SPX752"
    assert mistake.message == "the file holds no study"
    assert mistake.where.source is not None
    assert mistake.where.source.name == str(path)
    return " ".join(mistake.notes)


@pytest.mark.parametrize("junk", [b"junk\n", b"\xff\n", b"\0\0\n", b"5\n", b"[" * 100_000 + b"\n"])
def test_a_broken_line_is_told_by_its_number(junk: bytes, lines: list[bytes], tmp_path: Path) -> None:
    """The rest of the file is left as it is."""
    path = tmp_path / "a.journal"
    path.write_bytes(b"".join([*lines[:5], junk, *lines[5:]]))
    assert "line 6 is not a journal entry" in refused(path)
    assert path.read_bytes() == b"".join([*lines[:5], junk, *lines[5:]])


Change = Callable[[dict[str, Any]], None]


def header(**values: object) -> Change:
    """Put values into the study's header."""

    def change(entry: dict[str, Any]) -> None:
        if "study_id" in entry and "sparx" in entry.get("user_attr", {}):
            entry["user_attr"]["sparx"].update(values)

    return change


def drawn(value: object) -> Change:
    """Put something else in place of what was written down when a point was drawn."""

    def change(entry: dict[str, Any]) -> None:
        if "drawn" in entry.get("user_attr", {}):
            entry["user_attr"]["drawn"] = value

    return change


def field(name: str, value: object) -> Change:
    """Change a field of every entry that has it."""

    def change(entry: dict[str, Any]) -> None:
        if entry.get(name):
            entry[name] = value

    return change


CHANGES = {
    "directions": header(directions=5),
    "no directions": header(directions=[]),
    "a direction": header(directions=["up"]),
    "names": header(names=7),
    "seed": header(seed="x"),
    "version": header(version=99),
    "drawn": drawn(5),
    "nothing drawn": drawn({}),
    "prices": drawn({"params": "a", "macs": 1, "peak": 2, "parent": None, "values": "{}"}),
    "choices": drawn({"params": 1, "macs": 1, "peak": 2, "parent": None, "values": "{"}),
    "number": field("user_attrs", {"number": "x"}),
    "a number below zero": field("user_attrs", {"number": -1}),
    "values": field("values", ["x"]),
    "more values": field("values", [1.0, 2.0]),
    "picks": field("param_value_internal", 77),
    "choice": field("param_name", "no_choice_of_ours"),
    "operation": field("op_code", 99),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_journal_that_says_something_else(change: Change, lines: list[bytes], tmp_path: Path) -> None:
    """Every entry is one of a journal, but what it holds is none that a worker has written."""
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        change(entry)
    path = tmp_path / "a.journal"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    refused(path)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_change_of_one_value_is_read_or_refused(lines: list[bytes], data: st.DataObject) -> None:
    """Whatever one value of one line is replaced by: a study that is read has points of the space and whole values."""
    entries = [json.loads(line) for line in lines]
    entry = data.draw(st.sampled_from(entries))
    while isinstance(entry[key := data.draw(st.sampled_from(sorted(entry)))], dict) and entry[key]:
        entry = entry[key]
    entry[key] = data.draw(st.none() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({"": 1}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.journal"
        path.write_text("".join(json.dumps(one) + "\n" for one in entries))
        result = read_or_refused(path)
    if isinstance(result, StudyResult):
        assert [trial.number for trial in result.trials] == sorted({trial.number for trial in result.trials})
        assert all(len(trial.values) == 1 for trial in result.complete)
        assert all(sparx_dsl.cost(result.spec(trial)).params > 0 for trial in result.complete)
        assert sparx_dsl.study_table(result)
    else:
        assert result in ("SPX752", "SPX753")


def read_or_refused(path: Path) -> StudyResult | str:
    """The study in a file, or the code of why there is none."""
    try:
        return sparx_dsl.read_study(SMALL, path)
    except SparxError as error:
        return error.diagnostics[0].code


@pytest.mark.parametrize("worker", ["../../outside", "a/b", "x" * 300, "\0"])
def test_the_name_of_a_worker_leads_nowhere(worker: str, lines: list[bytes], tmp_path: Path) -> None:
    """It becomes part of a file's name, so that one that no worker of ours has is refused."""
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        field("user_attrs", {"number": 0, "worker": worker})(entry)
    path = tmp_path / "a.journal"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    refused(path)


STATEMENTS = (
    "update study_user_attributes set value_json = '{{'",
    "update study_user_attributes set value_json = '5'",
    "update trial_user_attributes set value_json = '5'",
    "delete from trial_values",
    "delete from trial_params",
    "update trial_params set param_value = 99",
    "drop table trial_user_attributes; create table trial_user_attributes (a)",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_database_that_says_something_else(statement: str, tmp_path: Path) -> None:
    """What others have changed in it is found, and told."""
    path = tmp_path / "a.db"
    sparx_dsl.run_study(SMALL, studies.params, trials=2, study=path)
    with sqlite3.connect(path) as connection:
        connection.executescript(statement)
    with pytest.raises(SparxError, match="SPX752"):
        sparx_dsl.read_study(SMALL, path)


@pytest.mark.filterwarnings("ignore")
def test_another_study_of_optuna_is_left_alone(tmp_path: Path) -> None:
    """A study that has our name and trials of its own is no study of ours."""
    import optuna

    path = tmp_path / "a.db"
    theirs = optuna.create_study(study_name=STUDY_NAME, storage=f"sqlite:///{path}", direction="minimize")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    refused(path)
    assert len(theirs.trials) == 2


def test_a_locked_database(tmp_path: Path) -> None:
    """Who holds it for longer than we wait is told of, before the study and in the middle of it."""
    path = tmp_path / "a.db"
    sparx_dsl.run_study(SMALL, studies.params, trials=1, study=path)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def params(trial: Trial) -> float:
        holder.execute("begin exclusive")
        return 1.0

    for objective in (params, studies.params):
        with pytest.raises(SparxError, match=r"SPX752 .*database is locked"):
            run(studies.config_of(path, objective, StudyLimits(database_s=0.2)))
    holder.close()


def test_a_trial_that_is_just_being_drawn_may_be_read_in_part() -> None:
    """A database is read table by table: picks that are missing are those of a trial still running, or no study."""
    drawn = {"params": 1, "macs": 1, "peak": 1, "parent": None, "values": "{}"}
    attributes = {"number": 3, "worker": "w", "drawn": drawn}
    running = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, user_attrs=attributes)
    record, died = read_record(running, SMALL, 1)
    assert (record.state, record.point, record.prices, died) == ("running", None, None, False)
    ended = optuna.trial.create_trial(value=1.0, user_attrs=attributes)
    with pytest.raises(ValueError, match="not a point of the space"):
        read_record(ended, SMALL, 1)
