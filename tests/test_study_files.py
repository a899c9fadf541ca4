"""What a study leaves: the best as specs, a table and a picture."""

from __future__ import annotations

import runpy
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import StudyResult
from sparx_dsl.cli.main import compile_main, main
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.render.scatter import Panel, axis, front_line, scatter, tick
from sparx_dsl.render.units import exact_count
from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.studies.claims import differences
from tests.support import studies
from tests.support.markdown import BLOCK
from tests.support.paths import DOCS, SPACES, SPECS

SMALL = studies.small_space()
POINTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)).map(lambda picks: Point(FrozenDict(picks)))


@given(POINTS, POINTS, POINTS)
def test_differences_are_a_distance(first: Point, second: Point, third: Point) -> None:
    """None to itself, the same both ways, and no shorter by a detour."""
    assert differences(first, first) == 0
    assert differences(first, second) == differences(second, first) > -(first == second)
    assert differences(first, third) <= differences(first, second) + differences(second, third)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyResult]:
    """A study of two values made by the command, and its folder."""
    folder = tmp_path_factory.mktemp("searched")
    words = ("--objective", "tests.support.studies:params", "--objective", "macs", "--trials", 30)
    process = studies.command(folder, *words, "--study", "a.journal", "-o", "best")
    shown, wrong = process.communicate()
    assert process.returncode == 0
    assert wrong.splitlines()[-1].startswith("30 of 30 trials, front of ")
    result = studies.look(folder, "a.journal")
    assert result is not None
    assert shown.startswith(sparx_dsl.study_table(result))
    assert f"{len(result.front)} specs, the table and the picture are in best;" in shown
    return folder / "best", result


def test_the_winners_are_specs_that_compile(searched: tuple[Path, StudyResult], monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """One file for each trial of the front, in its order: the same backbone, with the price that the study has."""
    folder, result = searched
    files = sorted(folder.glob("*.yaml"))
    assert len(files) == len(result.front) > 2
    for file, trial in zip(files, result.front, strict=True):
        assert file.name.endswith(f"_trial_{trial.number}.yaml")
        assert trial.point is not None
        spec = sparx_dsl.load_spec(file)
        assert sparx_dsl.search.fingerprint(spec) == SMALL.hash(trial.point)
        assert (sparx_dsl.cost(spec).params / 1000, sparx_dsl.cost(spec).macs) == trial.values
        first = file.read_text().splitlines()[0]
        # The function params gives thousands, and is not the price of that name.
        shown = f"parameters {trial.values[0]:.5g}, MACs {exact_count(int(trial.values[1]))}"
        assert first == f"# Trial {trial.number} of a study: {shown}."
    monkeypatch.setattr(sys, "argv", ["sparx-compile", str(files[0])])
    with pytest.raises(SystemExit) as stopped:
        compile_main()
    assert (stopped.value.code or 0) == 0
    assert f"compiled to a module of {1000 * result.front[0].values[0]:,.0f} parameters" in capsys.readouterr().out


def test_names_that_a_user_wrote_become_safe(tmp_path: Path) -> None:
    """Nothing of a space's or a base's name gets into a path; a long name is cut, and stays one that can be read."""
    base = sparx_dsl.parse_spec({**studies.BASE, "name": "x" * 64})
    space = sparx_dsl.make_space(base, {"stages.1.S": [1, 2]}, name="../../<b>&")
    result = sparx_dsl.run_study(space, "params", trials=2, study=tmp_path / "a.journal")
    paths = sparx_dsl.write_winners(result, tmp_path / "best")
    assert all(path.parent == tmp_path / "best" for path in paths)
    assert sparx_dsl.load_spec(paths[0]).name.endswith("x_trial_0")
    ElementTree.fromstring((tmp_path / "best" / "front.svg").read_text())  # noqa: S314


def test_one_value_has_ten_winners_and_each_backbone_once(tmp_path: Path) -> None:
    """The best first; a point that was tried twice stands there once."""
    result = sparx_dsl.run_study(SMALL, studies.params, trials=40, study=tmp_path / "a.journal", sampler="random")
    paths = sparx_dsl.write_winners(result, tmp_path / "best")
    each = {trial.point: trial.values[0] for trial in result.complete}
    assert len(each) < 40
    assert [sparx_dsl.cost(path).params / 1000 for path in paths] == sorted(each.values(), reverse=True)[:10]
    assert len({sparx_dsl.dump_spec(sparx_dsl.load_spec(path).edit({"name": "one"})) for path in paths}) == 10


def test_results_are_written_before_they_are_shown(searched: tuple[Path, StudyResult]) -> None:
    """Where the table cannot be printed, since the disk is full, say, the best are in their folder all the same."""
    folder = searched[0].parent
    with Path("/dev/full").open("w") as full:
        command = studies.command(folder, "--study", "a.journal", "-o", "unseen", output=full)
    command.communicate()
    assert command.returncode != 0
    written = {path.name: path.read_bytes() for path in (folder / "unseen").iterdir()}
    assert written == {path.name: path.read_bytes() for path in searched[0].iterdir()}


def test_a_study_is_shown_without_an_objective(searched: tuple[Path, StudyResult], monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """The command prints the table of the study as it stands."""
    folder, result = searched
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(sys, "argv", ["sparx", "search", "small.yaml", "--study", "a.journal"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert (stopped.value.code or 0) == 0
    assert capsys.readouterr().out.startswith(sparx_dsl.study_table(result))
    assert (folder.parent / "a.best" / "front.svg").read_text() == (folder / "front.svg").read_text()


def test_the_picture_has_a_dot_for_each_trial(searched: tuple[Path, StudyResult]) -> None:
    """Well-formed, each dot inside its frame, the front's ones larger."""
    folder, result = searched
    root = ElementTree.parse(folder / "front.svg").getroot()  # noqa: S314
    dots = [element for element in root if element.tag.endswith("circle")]
    assert len(dots) == 30
    assert all(66 <= float(dot.get("cx", "")) <= 366 and 40 <= float(dot.get("cy", "")) <= 250 for dot in dots)
    assert sum(dot.get("r") == "4.2" for dot in dots) == len(result.front)


NUMBERS = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: round(value, 3))


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.booleans())
def test_an_axis_has_all_its_values(values: list[float], of_bytes: bool) -> None:
    """Between its ends, in order, with ticks that stand there too and read differently."""
    found = axis(values, 10.0, 210.0, of_bytes=of_bytes)
    assert all(10 <= found.at(value) <= 210 for value in values)
    ticks = list(found.ticks())
    assert all(10 - 1e-6 <= found.at(value) <= 210 + 1e-6 for value in ticks)
    assert len({tick(value, found) for value in ticks}) == len(ticks) <= 12


def test_bytes_stand_in_the_unit_of_tables() -> None:
    """Their ticks are round in MiB, which the label names; both axes say that less is better."""
    sizes = (2.25 * 2**20, 4.1 * 2**20)
    panel = Panel("MACs", "peak", tuple((2e9 * size, size) for size in sizes), frozenset(), frozenset((0, 1)),
                  more_upward=False, bytes_upward=True)  # fmt: skip
    root = ElementTree.fromstring(scatter([panel], "two"))  # noqa: S314
    texts = {element.text for element in root if element.tag.endswith("text")}
    assert {"2.5", "3.0", "3.5", "4.0", "peak (MiB, less is better)", "MACs (less is better)"} <= texts
    assert "peak (MiB, less is better)" in sparx_dsl.front_picture(["swin_t", "sparx_mamba_t"], ("macs", "peak"))


DOTS = st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), min_size=1, max_size=12)


@given(DOTS, st.booleans(), st.booleans())
def test_the_front_line_passes_what_nothing_beats(dots: list[tuple[float, float]], across: bool, upward: bool) -> None:
    """Its corners have every dot that no other is better than both ways, and no dot lies beyond it."""
    panel = Panel("x", "y", tuple(dots), frozenset(), frozenset(range(len(dots))), across, upward)
    line = front_line(panel)
    right, up = (1 if across else -1), (1 if upward else -1)
    others = {(x, y): [dot for dot in dots if dot != (x, y)] for x, y in dots}
    best = {(x, y) for (x, y), rest in others.items() if not any(right * (a - x) >= 0 <= up * (b - y) for a, b in rest)}
    assert best <= set(line)
    assert all(corner in best or len(line) > 2 for corner in line)
    assert line[0] in best
    assert line[-1] in best
    assert scatter([panel], "title").count("<circle") == len(dots)


def test_the_page_about_spaces_and_studies_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of docs/spaces.md run, each by itself, and its YAML block is the zoo's space."""
    shutil.copytree(SPECS, tmp_path, dirs_exist_ok=True)
    shutil.copy(SPACES / "around_mamba_t.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    found = [(match["language"], match["body"]) for match in BLOCK.finditer((DOCS / "spaces.md").read_text("utf-8"))]
    code = [body for language, body in found if language == "python"]
    assert len(code) >= 3
    for body in code:
        (tmp_path / "block.py").write_text(body, encoding="utf-8")
        runpy.run_path("block.py")
    (written,) = (body for language, body in found if language == "yaml" and body.startswith("space: 1"))
    (tmp_path / "page.yaml").write_text(written, encoding="utf-8")
    assert sparx_dsl.load_space("page.yaml").count == sparx_dsl.load_space("around_mamba_t.yaml").count
