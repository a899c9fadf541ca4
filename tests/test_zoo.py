"""The specs that come with the package: found by name everywhere, behind files of that name, and never beyond them."""

from __future__ import annotations

import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.language import zoo
from tests.support.backbones import TWO_STAGES
from tests.support.commands import sparx
from tests.support.diagnostics import codes
from tests.support.golden_text import Golden
from tests.support.paths import ROOT, SPACES, SPECS

NAMES = sparx_dsl.list_specs()
FILES = {path.relative_to(SPECS).with_suffix("").as_posix(): path for path in SPECS.rglob("*.yaml")}
"""Every YAML file of the folder, by the name that it would have."""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_spec_of_the_folder_is_in_the_zoo() -> None:
    """But for spaces and figures, which are none; backbones come before ablations, each sorted by name."""
    others = {name for name in FILES if name.startswith(("paper/", "spaces/"))}
    assert set(NAMES) == set(FILES) - others
    assert sorted(NAMES, key=lambda name: ("/" in name, name)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_file(empty: Path, name: str) -> None:
    """With and without .yaml, as text and as path; its own name is the last part of the name; text is the file's."""
    expected = sparx_dsl.load_spec(FILES[name])
    assert expected == sparx_dsl.load_spec(name) == sparx_dsl.load_spec(f"{name}.yaml")
    assert expected == sparx_dsl.load_spec(Path(name))
    assert name.rpartition("/")[2] == expected.name
    assert sparx_dsl.spec_text(name) == FILES[name].read_text(encoding="utf-8")


@given(st.one_of(st.text(max_size=8), st.sampled_from(["*", "sparx_*", "*_t", "ablations/*", "[sv]*", "swin_?"])))
def test_a_pattern_selects_names(pattern: str) -> None:
    """As the shell's patterns do, in the order of the zoo."""
    assert sparx_dsl.list_specs(pattern) == [name for name in NAMES if fnmatchcase(name, pattern)]


@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(st.sampled_from(["..", ".", "", "specs", "paper", "spaces", "ablations", "figures", "wide",
                                  "sparx_mamba_t", "~", "C:", "\0", "stride_1"]), max_size=5).map("/".join),
    )
)  # fmt: skip
def test_no_name_leads_out_of_the_zoo(name: str) -> None:
    """Whatever is asked for is a spec of the zoo, or nothing."""
    found = zoo.zoo_file(name)
    assert found is None or (found == zoo.zoo()[name.removesuffix(".yaml")] and found.resolve() in FILES.values())


@pytest.mark.parametrize(
    "name", ["../specs/swin_t", "ablations/../swin_t", "/swin_t", "paper/figures", "spaces/wide", "specs/swin_t"]
)
def test_a_way_around_is_not_a_name(empty: Path, name: str) -> None:
    """Neither ways up, nor absolute paths, nor other folders of the zoo."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec(name)
    assert codes(caught)[0] in ("SPX501", "SPX503")


@pytest.mark.parametrize("file", ["swin_t", "swin_t.yaml"])
def test_a_file_of_that_name_comes_first(empty: Path, file: str) -> None:
    """In the current folder, with or without .yaml; a folder of that name does not."""
    (empty / file).write_text(TWO_STAGES)
    assert sparx_dsl.load_spec("swin_t").stages[0].channels == sparx_dsl.parse_spec(TWO_STAGES).stages[0].channels
    (empty / file).unlink()
    (empty / file).mkdir()
    assert sparx_dsl.load_spec("swin_t").name == "swin_t"


def test_a_spec_extends_the_zoo(empty: Path) -> None:
    """Behind files beside it and in the folder above; from a text too; an ablation by its folder's name."""
    text = "extends: swin_t.yaml\nname: x\nstages: {1: {depth: 4}}\n"
    expected = sparx_dsl.load_spec("swin_t").edit({"name": "x", "stages.1.depth": 4})
    (empty / "x.yaml").write_text(text)
    assert expected == sparx_dsl.load_spec("x") == sparx_dsl.parse_spec(text)
    assert expected == sparx_dsl.parse_spec({"extends": "swin_t.yaml", "name": "x", "stages": {1: {"depth": 4}}})
    (empty / "swin_t.yaml").write_text(TWO_STAGES)
    assert sparx_dsl.load_spec("x") == sparx_dsl.parse_spec(TWO_STAGES).edit({"name": "x", "stages.1.depth": 4})
    stride = sparx_dsl.parse_spec("extends: ablations/stride_1.yaml\nname: z\n")
    assert stride == sparx_dsl.load_spec("ablations/stride_1").edit({"name": "z"})


def test_what_the_zoo_extends_is_the_zoos(empty: Path) -> None:
    """A file in the current folder does not change an ablation of the zoo."""
    (empty / "sparx_mamba_t.yaml").write_text(TWO_STAGES)
    assert len(sparx_dsl.load_spec("ablations/stride_1").stages) == 4


def test_a_folder_of_ablations_does_not_lead_elsewhere(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not by a symbolic link to a folder."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.yaml").write_text(TWO_STAGES)
    os.symlink(outside, empty / "ablations")
    (empty / "x.yaml").write_text("extends: ablations/secret.yaml\nname: x\n")
    with pytest.raises(SparxError) as caught:
        sparx_dsl.load_spec("x.yaml")
    assert codes(caught) == ["SPX113"]


@pytest.mark.parametrize(
    ("name", "code", "meant"),
    [
        ("sparx_mamba", "SPX503", "sparx_mamba_b"),
        ("Swin_T", "SPX503", "swin_t"),
        ("ablations/strid_1", "SPX503", "ablations/stride_1"),
        ("vmamba_tt.yaml", "SPX501", "vmamba_t.yaml"),
    ],
)
def test_an_unknown_name_gets_a_guess(empty: Path, name: str, code: str, meant: str) -> None:
    """The closest name of the zoo."""
    for ask in (sparx_dsl.load_spec, sparx_dsl.spec_text, sparx_dsl.build):
        with pytest.raises(SparxError) as caught:
            ask(name)
        assert codes(caught) == [code]
        assert caught.value.diagnostics[0].help == f'did you mean "{meant}"?'


def test_an_extended_name_gets_a_guess() -> None:
    """Of the zoo, for a text."""
    with pytest.raises(SparxError) as caught:
        sparx_dsl.parse_spec("extends: swim_t.yaml\nname: x\n")
    assert (codes(caught), caught.value.diagnostics[0].help) == (["SPX112"], 'did you mean "swin_t.yaml"?')


def test_a_model_is_built_by_name(empty: Path) -> None:
    """And priced, connected and compared."""
    price = sparx_dsl.prices("sparx_mamba_t")
    model = sparx_dsl.build("sparx_mamba_t", device="meta")
    assert sum(parameter.numel() for parameter in model.parameters()) == price.params
    assert "stage3" in sparx_dsl.difference("sparx_mamba_t", "ablations/stride_1")


def test_list_prints_the_zoo(empty: Path, golden: Golden) -> None:
    """Names, exact prices at their own sizes, layers."""
    golden.check(sparx("list").stdout)


def test_list_agrees_with_prices() -> None:
    """One row a name, in order; a pattern that matches nothing is an error with a guess."""
    shown = sparx_dsl.zoo_table("*_t")
    rows: list[Any] = [line.split() for line in shown.splitlines()[3:]]
    assert [row[0] for row in rows] == sparx_dsl.list_specs("*_t")
    for row in rows:
        graph = sparx_dsl.connect(row[0])
        stages = range(1, len(graph.spec.stages) + 1)
        layers = [layer for stage in stages for layer in graph.layers(stage)]
        assert float(row[1]) == round(sparx_dsl.prices(row[0]).params / 1e6, 3)
        assert int(row[-1]) == sum(layer.ganglion for layer in layers)
    done = sparx("list", "swin", "--format", "concise")
    assert (done.status, "SPX503" in done.stderr, '"*swin*"' in done.stderr) == (2, True, True)


def test_every_command_takes_a_name(empty: Path) -> None:
    """Wherever it takes a spec."""
    for words in ("compile swin_t --emit graph", "check swin_t ablations/stride_1", "cost swin_t", "diff swin_t swin_s",
                  "explain swin_t stage1.layer1", "show swin_t", "draw swin_t -o a.dot"):  # fmt: skip
        done = sparx(*words.split())
        assert done.status == int(words.startswith("diff")), done.stderr
    assert sparx("show", "ablations/stride_1").stdout == FILES["ablations/stride_1"].read_text(encoding="utf-8")


def test_figures_of_the_paper_come_with_the_package(empty: Path) -> None:
    """``sparx paper`` without arguments works in any folder."""
    found = sparx("paper")
    assert found.status == 0, found.stderr
    assert found.stdout == f"{sparx_dsl.paper_listing()}\n"


@pytest.mark.parametrize("name", sorted(path.stem for path in SPACES.glob("*.yaml")))
def test_spaces_are_found_by_name(empty: Path, name: str) -> None:
    """A space of the zoo, with or without its extension, behind a file of that name; specs are none."""
    for written in (name, f"{name}.yaml"):
        space = sparx_dsl.load_space(written)
        assert space.name == name
        assert space.base == sparx_dsl.load_spec("sparx_mamba_t")
    (empty / f"{name}.yaml").write_text("space: 1\nname: here\nbase: swin_t.yaml\nchoices: {stages.1.depth: [1, 2]}\n")
    assert sparx_dsl.load_space(name).name == "here"


def test_an_unknown_space_gets_a_guess(empty: Path) -> None:
    """Names of spaces are not those of specs."""
    for name, text in (("wyde", 'did you mean "wide"'), ("sparx_mamba_t", "sparx_mamba_t is a spec")):
        with pytest.raises(SparxError, match="SPX503") as caught:
            sparx_dsl.load_space(name)
        assert text in str(caught.value.diagnostics[0].help)
    assert "SPX503" in sparx("search", "wyde").stderr


@pytest.mark.parametrize("text", ['{{"sparx": 1, "name": "{}"}}', "sparx: 1 # {}", "sparx: 1\nname: {}\n", "\n{}"])
def test_text_in_place_of_a_name_is_said_to_be_text(empty: Path, text: str) -> None:
    """In a line, and with the call that takes it; a name of any length is cut."""
    for load, what in ((sparx_dsl.load_spec, "spec"), (sparx_dsl.spec_text, "spec"), (sparx_dsl.load_space, "space")):
        with pytest.raises(SparxError, match="SPX503") as caught:
            load(text.format("x" * 9000))
        (diagnostic,) = caught.value.diagnostics
        assert f"is the text of a {what}, where a path or a name is taken" in diagnostic.message
        assert str(diagnostic.help).startswith(f"write sparx_dsl.parse_{what}(text) in Python")
        assert len(str(caught.value)) < 400
    for name in ("x" * 9000, f"{'x' * 9000}.yaml"):
        with pytest.raises(SparxError, match=r"SPX50[13]") as caught:
            sparx_dsl.load_spec(name)
        assert len(str(caught.value)) < 600


def test_calls_take_json_in_one_line() -> None:
    """As they take YAML in several, and the path of a file."""
    spec = sparx_dsl.load_spec("swin_t")
    line = spec.model_dump_json()
    assert "\n" not in line
    assert sparx_dsl.prices(line) == sparx_dsl.prices(sparx_dsl.dump_spec(spec)) == sparx_dsl.prices(spec)


def test_show_prints_nothing_that_steers_a_terminal(empty: Path) -> None:
    """A file with control characters is refused."""
    (empty / "x.yaml").write_text("name: x # \x1b[31m\n")
    assert "SPX015" in sparx("show", "x").stderr


def test_the_zoo_lies_within_an_installed_package(tmp_path: Path) -> None:
    """A copy of the package that has ``specs`` in it, as a wheel lays it out, reads them there and nowhere else."""
    (tmp_path / "site" / "specs").mkdir(parents=True)
    (tmp_path / "site" / "specs" / "foreign.yaml").write_text(TWO_STAGES)
    code = "import sparx_dsl; print(sparx_dsl.list_specs(), sparx_dsl.load_spec('only').name)"
    package = tmp_path / "site" / "sparx_dsl"
    package.mkdir()
    for entry in (ROOT / "sparx_dsl").iterdir():
        if entry.name != "language":
            (package / entry.name).symlink_to(entry)
    (package / "language").mkdir()
    for entry in (ROOT / "sparx_dsl" / "language").iterdir():
        (package / "language" / entry.name).symlink_to(entry)

    def listed() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert "SPX503" in listed().stderr
    (package / "specs").mkdir()
    (package / "specs" / "only.yaml").write_text(TWO_STAGES.replace("name: base", "name: only"))
    assert listed().stdout.startswith("['only']"), listed().stderr
