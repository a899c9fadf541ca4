"""What commands take: standard input, folders, names and codes to explain, help, completion, Ctrl+C."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Final

import pytest
import typer

import sparx_dsl
from sparx_dsl.cli.arguments import complete_spec
from sparx_dsl.cli.options import Style, reporting
from tests.support.backbones import TWO_STAGES
from tests.support.commands import every_command, sparx
from tests.support.paths import ROOT, SPECS

SPACE = "space: 1\nbase: swin_t.yaml\nchoices: {stages.1.depth: [1, 2]}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with specs, a space, and files that are neither, in folders of their own."""
    (tmp_path / "a" / ".hidden").mkdir(parents=True)
    for name, text in {
        "a/one.yaml": "extends: swin_t.yaml\nname: one\n", "a/two.yml": "extends: swin_s.yaml\nname: two\n",
        "space.yaml": SPACE, "other.yaml": "services: {}\n", "notes.txt": "sparx: 1\n",
        "a/.hidden/three.yaml": "sparx: broken\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_means_what_is_in_it(tree: Path) -> None:
    """Specs and spaces below it are found and checked for what they are, and nothing else."""
    found = json.loads(sparx("check", tree, "--json").stdout)["files"]
    assert {(Path(one["file"]).name, one["kind"]) for one in found} == {
        ("one.yaml", "spec"), ("two.yml", "spec"), ("space.yaml", "space")
    }  # fmt: skip
    assert "2 specs and 1 space without errors" in sparx("check", tree).stdout
    compared = json.loads(sparx("compare", tree, "--json").stdout)["backbones"]
    assert [one["name"] for one in compared] == ["one", "two"]


def test_a_broken_file_in_a_folder_is_reported(tree: Path) -> None:
    """Also one whose YAML cannot be read, known by its first key."""
    (tree / "broken.yaml").write_text("sparx: 1\nname: [\n", encoding="utf-8")
    done = sparx("check", tree, "--errors", "concise")
    assert done.status == 2
    assert "broken.yaml:2:" in done.stderr


def test_a_folder_without_specs_is_said(tmp_path: Path) -> None:
    """Nothing to check is an error, not a success."""
    done = sparx("check", tmp_path, "--errors", "concise")
    assert (done.status, "SPX527" in done.stderr) == (2, True)
    assert "the key sparx, extends or space" in sparx("check", tmp_path).stderr
    assert "the key sparx or extends" in sparx("compare", tmp_path).stderr


def test_a_name_of_the_other_kind_is_named() -> None:
    """A spec of the zoo where a space is wanted, and a space where a spec is."""
    assert "swin_t is a spec" in sparx("search", "swin_t", "--errors", "concise").stderr
    said = sparx("report", "wide", "-o", "x.html").stderr
    assert "wide is a search space, which sparx search takes, and sparx report with --study" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cost", "{}/space.yaml"), "SPX101 this is a search space"),
        (("search", "swin_t.yaml"), "SPX701 this is a spec"),
    ],
)
def test_a_file_of_the_other_kind_is_named(tree: Path, words: tuple[str, ...], said: str) -> None:
    """One error, which says what the file is."""
    (tree / "swin_t.yaml").write_text((SPECS / "swin_t.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    command, name = words
    done = sparx(command, str(tree / name.removeprefix("{}/")), "--errors", "concise")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_standard_input_is_a_spec() -> None:
    """For every command that reads one."""
    text = (SPECS / "swin_t.yaml").read_bytes()
    for words in (("cost", "-", "--json"), ("compare", "-", "swin_s", "--json"), ("set", "-", "name=x")):
        done = subprocess.run(
            [sys.executable, "-m", "sparx_dsl", *words], input=text, capture_output=True, check=False, cwd=ROOT
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "words",
    [("check", "-", "-"), ("compare", "-", "swin_t", "-"), ("diff", "-", "-"), ("bench", "-", "-"),
     ("report", "-", "--against", "-", "-o", "a.html"), ("analyze", "cka", "-", "-", "--images", ".")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_standard_input_is_read_once(words: tuple[str, ...]) -> None:
    """A second hyphen is an error, which says so."""
    done = sparx(*words)
    assert (done.status, "standard input can be read once" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "words", [("draw", "swin_t", "--style", "foo"), ("analyze", "erf", "swin_t", "--errors", "foo")]
)
def test_an_unknown_choice_is_said_in_plain_words(words: tuple[str, ...]) -> None:
    """With those that exist, and without the name of an exception; for commands of a group too."""
    done = sparx(*words)
    assert done.status == 2
    assert "'foo' is not one of '" in done.stderr
    assert "Value error" not in done.stderr


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (Path("-"), b"space: 1\nbase: swin_t.yaml\nchoices: {stages.3.depth: [2, 6]}\n", "1 space"),
        (Path("-"), b'{"space": 1, "base": "swin_t", "choices": {"stages.3.depth": [2, 6]}}', "1 space"),
        (Path("-"), b"extends: swin_t.yaml\n", "1 spec"), (Path("wide"), b"", "1 space"),
    ],
)  # fmt: skip
def test_what_is_checked_is_recognised(path: Path, text: bytes, found: str, tmp_path: Path) -> None:
    """Standard input and names are specs or spaces, as files are; of a space every error is said too."""
    (tmp_path / "stdin").write_bytes(text)
    kept = os.dup(0)
    with (tmp_path / "stdin").open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        listing = sparx_dsl.check_files([path])
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert str(listing) == f"{found} without errors"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (("spx106",), "SPX106: an unknown kind"), (("UNKNOWN_KIND",), "SPX106: an unknown kind"),
        (("SPX9",), 'SPX530 unknown code "SPX9"'), (("stage3.layer5",), "is the name of a node"),
        (("nofile.yaml",), "SPX501 the file cannot be read"), (("swin_x",), 'SPX503 unknown spec "swin_x"'),
        (("swin_t", "stage3.layr5"), "SPX310 unknown node"),
    ],
)  # fmt: skip
def test_what_is_explained_is_known_for_what_it_is(subject: tuple[str, ...], said: str) -> None:
    """A code by number or name, a spec, a node; what is none of them is answered as what it looks like."""
    done = sparx("explain", *subject, "--errors", "concise")
    assert said in done.stdout + done.stderr
    assert done.status == (0 if done.stdout else 2)


@pytest.mark.parametrize("name", ["", "analyze", *every_command()])
def test_every_command_has_short_help_and_a_version(name: str) -> None:
    """-h is --help; --version needs no other argument."""
    assert sparx(*name.split(), "-h").stdout == sparx(*name.split(), "--help").stdout
    assert "Usage" in sparx(*name.split(), "-h").stdout
    assert sparx(*name.split(), "--version").stdout == f"sparx_dsl {sparx_dsl.__version__}\n"


def test_a_shell_is_offered_names_and_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the zoo, folders, and YAML files, by what was typed."""
    monkeypatch.chdir(tree)
    assert complete_spec("sparx_mamba_") == ["sparx_mamba_b", "sparx_mamba_s", "sparx_mamba_t"]
    assert complete_spec("a") == [*sparx_dsl.list_specs("ablations*"), "a/"]
    assert complete_spec("a/") == ["a/one.yaml", "a/two.yml"]
    assert complete_spec("absent/x") == []
    environment = {
        **os.environ,
        "_SPARX_COMPLETE": "complete_bash",
        "COMP_WORDS": "sparx cost swin_",
        "COMP_CWORD": "2",
    }
    code = "import sys; sys.argv = ['sparx']; from sparx_dsl.cli.main import make_app; make_app()(prog_name='sparx')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["swin_b", "swin_s", "swin_t"]


READERS: Final[dict[str, tuple[str, ...]]] = {
    "compile": ("x.yaml", "--emit", "graph"), "check": ("x.yaml",), "draw": ("x.yaml", "-o", "-"), "cost": ("x.yaml",),
    "explain": ("x.yaml",), "diff": ("x.yaml", "x.yaml"), "compare": ("x.yaml",), "set": ("x.yaml", "name=other"),
    "report": ("x.yaml", "-o", "x.html"), "bench": ("x.yaml", "--device", "nowhere"),
    "search": ("space.yaml", "--objective", "params", "--trials", "1"),
    "export": ("x.yaml", "-o", "x.bmp"), "tune": ("x.yaml",),
    "analyze erf": ("x.yaml", "--images", "."), "analyze cka": ("x.yaml", "--images", "."),
}  # fmt: skip
"""A command line for every command that reads what may extend something; some are refused once the spec is read."""


def test_every_reader_is_in_the_table() -> None:
    """A new command that takes a root joins it."""
    rooted = {name for name, function in every_command().items() if "root" in signature(function).parameters}
    assert rooted == {*READERS}


@pytest.mark.parametrize("name", READERS)
def test_a_root_opens_folders_to_every_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a spec or the base of a space extends is found below --root, and is refused without it."""
    (tmp_path / "bases").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "bases" / "base.yaml").write_text(TWO_STAGES, encoding="utf-8")
    (tmp_path / "own" / "x.yaml").write_text("extends: ../bases/base.yaml\nname: x\n", encoding="utf-8")
    space = "space: 1\nname: x\nbase: x.yaml\nchoices: {stages.1.depth: [1, 2]}\n"
    (tmp_path / "own" / "space.yaml").write_text(space, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "own")
    refused = sparx(*name.split(), *READERS[name], "--errors", "concise")
    assert (refused.status, "SPX111" in refused.stderr) == (2, True), refused.stderr
    done = sparx(*name.split(), *READERS[name], "--errors", "concise", "--root", "..")
    assert done.status == 0 or "SPX111" not in done.stderr, done.stderr


def test_progress_is_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    """On standard error, one for each model that is made ready; standard output has the table alone."""
    (tmp_path / "two.yaml").write_text(TWO_STAGES, encoding="utf-8")
    done = sparx("bench", tmp_path / "two.yaml", "--seconds", "0", "--size", "32", "--dtype", "bf16", "--json")
    assert "building and warming up" in done.stderr
    assert "\x1b" not in done.stderr
    assert json.loads(done.stdout)["dtype"] == "bfloat16"


def test_short_names_of_dtypes() -> None:
    """As torch and people have them."""
    spec = sparx_dsl.load_spec("swin_t")
    for short, name in (("bf16", "bfloat16"), ("fp16", "float16"), ("half", "float16"), ("fp32", "float32")):
        assert sparx_dsl.plan(spec, dtype=short).dtype == name  # pyright: ignore[reportArgumentType]
        assert sparx_dsl.read_dtype(short) == name
    refused = sparx("cost", "swin_t", "--dtype", "int8", "--errors", "concise")
    assert "SPX321 unknown dtype 'int8'" in refused.stderr


def test_an_interrupted_command_ends_with_130() -> None:
    """As shells have it, without a traceback."""
    with pytest.raises(typer.Exit) as stopped, reporting(Style.full):
        raise KeyboardInterrupt
    assert stopped.value.exit_code == 130
