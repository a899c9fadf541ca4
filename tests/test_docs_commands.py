"""The lines of the pages' shell blocks: each runs, or names what is there."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Final

import pytest
import typer

import sparx_dsl
from sparx_dsl.cli.main import make_app
from tests.support.commands import sparx
from tests.support.markdown import bodies
from tests.support.paths import DOCS, ROOT
from tests.support.studies import space_file

LINES: Final = [
    (page.stem, shlex.split(line, comments=True))
    for page in sorted(DOCS.glob("*.md"))
    for body in bodies(page, "bash")
    for line in body.replace("\\\n", " ").splitlines()
    if line
]
"""Every line, as words, with the page that it stands on."""
ELSEWHERE: Final = ("cuda", "--ray", "--measure", "analyze", "doctor", "export")
"""Words of commands that need a machine which tests do not have, or are run by other tests; these are parsed here."""
FEWER: Final = {"200": "2", "4": "1"}
"""Trials and workers."""
OBJECTIVE: Final = "def accuracy(trial):\n    return -trial.prices.params\n"


def of(*programs: str) -> list[list[str]]:
    """The lines that begin with one of these programs."""
    return [words for _, words in LINES if words[0] in programs]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with what the lines read: a space, an objective, and a study of the zoo's space."""
    space_file(tmp_path).rename(tmp_path / "space.yaml")
    (tmp_path / "mymodule.py").write_text(OBJECTIVE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_every_line_is_of_a_known_program() -> None:
    """No line is left out below."""
    assert [words for _, words in LINES if words[0] not in ("sparx", "pip", "python", "torchrun")] == []
    assert len(of("sparx")) > 5


@pytest.mark.parametrize("words", [words for words in of("sparx") if not {*words} & {*ELSEWHERE}], ids=shlex.join)
def test_commands_run(words: list[str], folder: Path) -> None:
    """With the status 0, and fewer trials than the page has."""
    if "wide.journal" in words:
        sparx_dsl.run_study("wide", "params", trials=2, study="wide.journal", sampler="random")
    if words[1:] == ["search", "space.yaml"]:
        sparx_dsl.run_study("space.yaml", "params", trials=2)
    done = sparx(*(FEWER.get(word, word) for word in words[1:]))
    assert done.status == 0, done.stderr
    assert done.stdout or any(path.suffix in (".json", ".html") for path in folder.iterdir())


@pytest.mark.parametrize("words", [words for words in of("sparx") if {*words} & {*ELSEWHERE}], ids=shlex.join)
def test_other_commands_can_be_parsed(words: list[str]) -> None:
    """Each option and each argument is one of the command's."""
    group = typer.main.get_command(make_app())
    context = group.make_context("sparx", words[1:])
    command = group.get_command(context, words[1])  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    assert command.make_context(words[1], words[2:]) is not None  # pyright: ignore[reportUnknownMemberType]


def test_extras_that_are_installed_exist() -> None:
    """Each that a line of pip names."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = [extra for words in of("pip") for extra in words[-1].removeprefix("sparx_dsl").strip("[]").split(",")]
    assert named
    assert {*named} <= {*extras}


@pytest.mark.parametrize("words", of("python", "torchrun"), ids=shlex.join)
def test_modules_that_are_run_take_these_options(words: list[str]) -> None:
    """The module is one of the checkout, and speaks of each option."""
    place = words.index("-m") + 1
    path = ROOT / Path(*words[place].split("."))
    files = [path.with_suffix(".py")] if path.with_suffix(".py").exists() else sorted(path.glob("*.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert text
    assert [word for word in words[place + 1 :] if word.startswith("--") and word.removeprefix("--") not in text] == []
