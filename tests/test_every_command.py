"""One law for every command: whatever its streams are like, it ends with its status and without a traceback."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

import pytest

from sparx_dsl.cli.main import main
from tests.support.commands import COMMAND_LINES, every_command, sparx
from tests.support.studies import space_file

FILES: Final = ("compile", "draw", "set", "show", "schema")
"""What these print is a file's text, or a listing of a graph."""
REFUSED: Final = ("bench", "export", "tune", "analyze erf", "analyze cka")


class ClosedBytes(io.BytesIO):
    """A pipe whose reader has gone."""

    def write(self, data: object) -> int:
        """Fails, as the system does it."""
        raise BrokenPipeError(32, "Broken pipe")


class Closed(io.TextIOWrapper):
    """The same for text."""

    def __init__(self) -> None:
        super().__init__(ClosedBytes(), encoding="utf-8")

    def write(self, text: str) -> int:
        """Fails, as the system does it."""
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a search space in it."""
    space_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, name: str, stdout: io.TextIOWrapper) -> tuple[int, str]:
    """Exit status and standard error of a command that prints there; an exception that it does not handle is raised."""
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stdout)
        patched.setattr(sys, "stderr", stderr)
        patched.setattr(sys, "argv", ["sparx", *name.split(), *COMMAND_LINES[name]])
        with pytest.raises(SystemExit) as stopped:
            main()
        stderr.flush()
    assert isinstance(stderr.buffer, io.BytesIO)
    return int(stopped.value.code or 0), stderr.buffer.getvalue().decode("ascii")


def test_every_command_is_here() -> None:
    """A new command joins the law."""
    assert {*every_command()} == {*COMMAND_LINES}


@pytest.mark.parametrize("name", COMMAND_LINES)
@pytest.mark.usefixtures("folder")
def test_a_narrow_terminal_in_ascii(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 40 columns: the text is ASCII, and tables fit."""
    monkeypatch.setenv("COLUMNS", "40")
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    status, told = run(monkeypatch, name, stdout)
    stdout.flush()
    assert isinstance(stdout.buffer, io.BytesIO)
    # A picture is a file, also where it goes to a pipe.
    shown = stdout.buffer.getvalue().decode("utf-8" if name == "draw" else "ascii")
    assert status == (2 if name in REFUSED else 1 if name == "diff" else 0), told
    assert "Traceback" not in shown + told
    assert shown or name in REFUSED
    if name in FILES:
        return
    # An arrow takes two characters in ASCII, and one where there is room for it.
    lines = (shown + told).replace("->", ">").splitlines()
    wide = [line for line in lines if len(line) > 40 and " " in line.strip()]
    assert wide == []


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_a_reader_that_has_gone(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 1 and not a word, as after ``| head -1``; what a command writes is written before."""
    status, told = run(monkeypatch, name, Closed())
    assert status == (2 if name in REFUSED else 1)
    assert "Traceback" not in told
    if name not in (*REFUSED, "search"):  # whose progress is on standard error
        assert told == ""
    made = {"report": "report.html", "search": "small.best/table.txt"}
    assert name not in made or (folder / made[name]).stat().st_size


@pytest.mark.parametrize("name", COMMAND_LINES)
@pytest.mark.parametrize("empty", ["", "--root="])
@pytest.mark.usefixtures("folder")
def test_an_empty_argument_is_refused(name: str, empty: str) -> None:
    """As a file it would be the working folder, of which ``sparx check`` checks every file."""
    words = [*name.split(), *COMMAND_LINES[name], empty]
    found = sparx(*words)
    subject = empty.rstrip("=") or f"argument {len(words)}"
    assert found.status == 2
    assert f"{subject} is empty" in " ".join(found.stderr.replace("│", " ").split())
