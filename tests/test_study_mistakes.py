"""What can be wrong with a study: each mistake has its code, none a traceback."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl import Diagnostic, SparxError
from tests.support import studies

SMALL = studies.small_space()


def mistake(study: Path, objective: Any = "params", **given: Any) -> Diagnostic:
    """The one mistake of a call."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.run_study(given.pop("space", SMALL), objective, study=study, trials=given.pop("trials", 2), **given)
    (found,) = caught.value.diagnostics
    return found


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study's file that is not there yet."""
    return tmp_path / "a.journal"


MODULES = {
    "broken": "import nothing_of_that_name\n",
    "syntax": "def f(:\n",
    "leaving": "raise SystemExit(3)\n",
    "sound": "value = 3\ndef find(trial):\n    return 1.0\n",
}


@pytest.mark.parametrize(
    ("objective", "message", "advice"),
    [
        ("accuracy", '"accuracy" is not an objective', "module:function, or one of the prices params, macs, peak"),
        ("parms", '"parms" is not an objective', 'did you mean "params"?'),
        ("os:path:join", '"os:path:join" is not an objective', "module:function"),
        ("a b:f", '"a b:f" is not an objective', "module:function"),
        ("nowhere:find", "the module nowhere of the objective cannot be imported: ModuleNotFoundError", "run from"),
        ("broken:find", "cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'", "run from"),
        ("syntax:find", "cannot be imported: SyntaxError", "run from"),
        ("leaving:find", "cannot be imported: SystemExit: 3", "run from"),
        ("sound:fined", 'the module sound has no function "fined"', 'did you mean "find"?'),
        ("sound:value", 'the module sound has no function "value"', None),
        ((), "no objective is given", "name a function"),
    ],
)
def test_an_objective_that_is_not_there(objective: Any, message: str, advice: str | None, study: Path,
                                        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    """The message says what of it could not be found, and no file is made."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    found = mistake(study, objective)
    assert found.code == "SPX751"
    assert message in found.message
    assert (advice or "") in (found.help or "")
    assert not study.exists()


@pytest.mark.parametrize(
    ("objective", "directions", "message"),
    [
        ("params", ["minimise", "up"], '"up" is not a direction'),
        ("params", ["minimize", "minimize"], "there are 2 directions for 1 objective"),
        (["params", studies.params], ["minimize"], "there is 1 direction for 2 objectives"),
    ],
)
def test_directions_that_do_not_suit(objective: Any, directions: list[str], message: str, study: Path) -> None:
    """Unknown words, and more or fewer than there are values."""
    found = mistake(study, objective, directions=directions)
    assert (found.code, found.message) == ("SPX756", message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the objective returned nothing, which is not a number"),
        ("high", 'the objective returned "high", which is not a number'),
        (True, "the objective returned true, which is not a number"),
        ((1.0, 2.0), "the objectives returned 2 values, and the study has 1 direction"),
        ((), "the objectives returned 0 values, and the study has 1 direction"),
        ({"accuracy": 1.0}, "the objective returned a mapping without values; it has accuracy"),
        (
            {"values": 1.0, "constraints": [1]},
            "the constraints that the objective returned are not a mapping: a list of 1 item",
        ),
    ],
)
def test_an_answer_of_the_wrong_form_stops_the_study(answer: Any, message: str, study: Path) -> None:
    """It would be wrong in every trial; the trial is not counted, so that the study can go on once it is put right."""

    def objective(trial: sparx_dsl.Trial) -> Any:
        return answer

    found = mistake(study, objective)
    assert (found.code, found.message) == ("SPX757", message)
    assert [trial.state for trial in sparx_dsl.read_study(SMALL, study).trials] == ["lost"]


def test_a_tensor_is_a_number_where_it_has_one(study: Path) -> None:
    """One element is a value; more are none."""
    import numpy
    import torch

    answers = [torch.tensor(0.5), numpy.float32(0.25), torch.tensor([[2.0]]), 3]
    result = sparx_dsl.run_study(SMALL, lambda trial: answers[trial.number], trials=4, study=study)
    assert [trial.values for trial in result.trials] == [(0.5,), (0.25,), (2.0,), (3.0,)]

    def objective(trial: sparx_dsl.Trial) -> torch.Tensor:
        return torch.ones(2)

    found = mistake(study.with_name("b.journal"), objective)
    assert (found.code, found.message) == ("SPX757", "the objective returned a Tensor, which is not a single number")


def test_a_study_in_which_all_fail(study: Path) -> None:
    """It is told at the end, with the cause and the end of the traceback; the trials are kept."""
    found = mistake(study, studies.all_fail, trials=3)
    assert found.code == "SPX762"
    assert "none of the 3 trials has values; trial 0 failed: ZeroDivisionError: the data are missing" == found.message
    assert any("in all_fail" in note for note in found.notes)
    assert len(sparx_dsl.read_study(SMALL, study).failed) == 3


def test_a_study_of_another_space(study: Path) -> None:
    """Other choices, another base and other bounds are each another space; the study is left as it was."""
    sparx_dsl.run_study(SMALL, "params", trials=2, study=study)
    before = study.read_bytes()
    base = sparx_dsl.parse_spec(studies.BASE)
    others = [
        studies.small_space(bounds={"params": 20_000}),
        sparx_dsl.make_space(base, {**studies.CHOICES, "stages.*.S": [2, 1]}, name="small"),
        sparx_dsl.make_space(base.edit({"stages.1.S": 1}), studies.CHOICES, name="small"),
    ]
    for other in others:
        found = mistake(study, space=other)
        assert (found.code, str(found.where)) == ("SPX753", str(study))
        with pytest.raises(SparxError, match="SPX753"):
            sparx_dsl.read_study(other, study)
    assert study.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objective": "macs"}, "the study was begun with params to minimize, not macs to minimize"),
        ({"directions": ["max"]}, "the study was begun with params to minimize, not params to maximize"),
        ({"seed": 4}, "the study was begun with the seed 3, not 4"),
    ],
)
def test_a_study_that_was_begun_otherwise(given: dict[str, Any], message: str, study: Path) -> None:
    """Values, directions and the seed are the study's own; the sampler and the number may change."""
    sparx_dsl.run_study(SMALL, "params", trials=2, study=study, seed=3)
    found = mistake(study, **{"objective": "params", **given})
    assert (found.code, found.message) == ("SPX754", message)
    assert len(sparx_dsl.run_study(SMALL, "params", trials=4, study=study, sampler="nsga2").complete) == 4


def test_an_unknown_sampler(study: Path) -> None:
    """The help names the closest one."""
    found = mistake(study, sampler="nsga3")
    assert (found.code, found.help) == ("SPX755", 'did you mean "nsga2"?')


@pytest.mark.parametrize(
    "given",
    [{"trials": -1}, {"trials": 10**7}, {"workers": 0}, {"workers": 10**5}, {"seed": -1}, {"timeout": -0.5},
     {"timeout": math.nan}, {"ray": sparx_dsl.RayOptions(cpus=-1)}],
    ids=str,
)  # fmt: skip
def test_numbers_out_of_range(given: dict[str, Any], study: Path) -> None:
    """Nothing is begun."""
    assert mistake(study, **given).code == "SPX759"
    assert not study.exists()


@pytest.mark.parametrize("name", ["a.txt", "a", "journal", "a.journal.gz"])
def test_a_file_with_another_ending(name: str, tmp_path: Path) -> None:
    """The ending says what is kept in it."""
    assert mistake(tmp_path / name).code == "SPX752"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.journal", b"not a journal\n"), ("a.journal", b"{}\n"), ("a.journal", b"[1, 2]\n{}\n"), ("a.db", b"x" * 5000),
     ("a.journal", b"\xff\xfe\n")],
)  # fmt: skip
def test_a_file_that_holds_something_else(name: str, content: bytes, tmp_path: Path) -> None:
    """It is left as it was."""
    (tmp_path / name).write_bytes(content)
    found = mistake(tmp_path / name)
    assert (found.code, found.message) == ("SPX752", "the file holds no study")
    assert (tmp_path / name).read_bytes() == content


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    """A file in place of a folder, and a folder in place of a file."""
    (tmp_path / "file").write_text("")
    (tmp_path / "b.journal").mkdir()
    for path in (tmp_path / "file" / "a.journal", tmp_path / "b.journal"):
        found = mistake(path)
        assert (found.code, found.message.split(":")[0]) == ("SPX752", "the study cannot be read and written")
    result = sparx_dsl.run_study(SMALL, "params", trials=1, study=tmp_path / "c.journal")
    with pytest.raises(SparxError, match="SPX502"):
        sparx_dsl.write_winners(result, tmp_path / "file" / "best")


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    """Reading makes nothing."""
    with pytest.raises(SparxError, match="SPX752 the study does not exist"):
        sparx_dsl.read_study(SMALL, tmp_path / "a.journal")
    (tmp_path / "b.journal").write_bytes(b"")
    with pytest.raises(SparxError, match="SPX752 the file holds no study"):
        sparx_dsl.read_study(SMALL, tmp_path / "b.journal")
    assert not (tmp_path / "a.journal").exists()


@pytest.mark.parametrize(("package", "extra"), [("optuna", "search"), ("ray", "ray")])
def test_a_package_that_is_not_installed(package: str, extra: str, study: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """The help says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    found = mistake(study, ray=sparx_dsl.RayOptions())
    assert (found.code, found.help) == ("SPX750", f'pip install "sparx_dsl[{extra}]"')


def test_nothing_to_draw(study: Path) -> None:
    """A study without values has a table and no picture."""
    result = sparx_dsl.run_study(SMALL, "params", trials=0, study=study)
    with pytest.raises(SparxError, match="SPX763"):
        sparx_dsl.study_picture(result)
    assert sparx_dsl.study_table(result) == "No trial satisfies all constraints."
