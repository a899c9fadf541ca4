"""What commands print reaches streams of any encoding, and streams that are closed, full or cut off."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sparx_dsl.cli.main import main
from sparx_dsl.cli.terminal import ASCII_FORMS

ROOT = Path(__file__).parent.parent
TINY = "specs/sparx_mamba_t.yaml"
ENCODINGS = ("cp1252", "ascii", "latin-1", "cp437", "utf-16")
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("--version",),
    ("compile", TINY),
    ("compile", TINY, "--explain", "stage3.layer5"),
    *(("compile", TINY, "--emit", emit) for emit in ("graph", "dot", "schedule", "python", "json", "yaml")),
    ("check", TINY),
    ("check", "löcher → 你好.yaml"),
    ("cost", TINY),
    ("cost", TINY, "--size", "12×"),
    ("explain", TINY, "stage3.layer5"),
    ("explain", "SPX213"),
    ("diff", TINY, "specs/ablations/window_2.yaml"),
    *(("compare", TINY, "swin_t", *form) for form in ((), ("--json",), ("--csv",), ("--markdown",))),
    ("list", "swin_*", "--markdown"),
    ("set", TINY, "stages.3.S=3"),
    ("cost", TINY, "--size", "12×", "--errors", "sarif"),
    ("paper",),
    ("doctor",),
    ("schema",),
    ("draw", TINY, "-o", "absent/figure.svg"),
    ("search", TINY),
)
HELP = (
    ("--help",),
    *((name, "--help") for name in ("compile", "check", "draw", "cost", "explain", "compare", "search")),
    ("bgs",),
)


def printed(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], encoding: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command whose streams are of that encoding.

    Without what a run is measured at.
    """
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n") for _ in range(2)]
    monkeypatch.chdir(ROOT)
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, "argv", ["sparx", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    texts: list[str] = []
    for stream in streams:
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        lines = stream.buffer.getvalue().decode(encoding).splitlines(keepends=True)
        texts.append("".join(line for line in lines if not line.startswith("Time:")))
    monkeypatch.undo()
    return int(stopped.value.code or 0), texts[0], texts[1]


def in_encoding(text: str, encoding: str) -> str:
    """The text with a form in ASCII for each character that the encoding lacks."""

    def form(character: str) -> str:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            return ASCII_FORMS.get(character) or character.encode("ascii", "backslashreplace").decode("ascii")
        return character

    return "".join(map(form, text))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_prints_the_same_in_every_encoding(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Status and texts are those of UTF-8, but for characters that the encoding lacks."""
    status, shown, told = printed(monkeypatch, arguments, "utf-8")
    assert shown or told
    for encoding in ENCODINGS:
        expected = (status, in_encoding(shown, encoding), in_encoding(told, encoding))
        assert printed(monkeypatch, arguments, encoding) == expected


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_a_page_of_help_prints_in_every_encoding(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """Its frames are made by rich, which knows the encoding by itself; the texts within them are ours."""
    for encoding in ENCODINGS:
        status, shown, told = printed(monkeypatch, arguments, encoding)
        assert status == (0 if "--help" in arguments else 2)
        assert "sparx" in shown + told


def literals(tree: ast.Module) -> Iterator[str]:
    """The texts in a file that are no docstrings."""
    documents = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def test_every_character_that_is_printed_has_a_form_in_ascii() -> None:
    """Messages, tables and labels have no character beyond ASCII for which there is none."""
    files = (ROOT / "sparx_dsl").rglob("*.py")
    texts = [text for path in files for text in literals(ast.parse(path.read_text(encoding="utf-8")))]
    beyond = {character for text in texts for character in text if not character.isascii()}
    assert {character for character in beyond if character.isprintable()} <= {*ASCII_FORMS}


def test_a_real_process_prints_in_cp1252() -> None:
    """As on a pipe of Windows."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "sparx_dsl", "explain", TINY, "stage3.layer5"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=environment)
    assert b"->" in done.stdout
    assert b"" == done.stderr


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``$SPARX`` is the command."""
    environment = {**os.environ, "SPARX": f"{sys.executable} -m sparx_dsl"}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, encoding="utf-8", check=False, cwd=ROOT, env=environment
    )


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        (f"$SPARX cost {TINY} | true; exit ${{PIPESTATUS[0]}}", 1, ""),
        ("$SPARX --version | true; exit ${PIPESTATUS[0]}", 1, ""),
        ("$SPARX cost --help | true; exit ${PIPESTATUS[0]}", 1, ""),
        (f"$SPARX cost {TINY} >&-", 0, ""),
        (f"$SPARX cost {TINY} 2>&- >/dev/null", 0, ""),
        ("$SPARX check absent.yaml 2>&-", 2, ""),
        ("$SPARX check absent.yaml 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}", 1, ""),
        (
            f"$SPARX cost {TINY} >/dev/full",
            2,
            "error[SPX502]: cannot write to standard output: No space left on device",
        ),
        ("$SPARX --version >/dev/full", 2, "error[SPX502]: cannot write to standard output: No space left on device"),
    ],
)
def test_a_stream_that_takes_nothing_ends_a_command_quietly(line: str, status: int, error: str) -> None:
    """A reader that has gone ends it with status 1, a full disk with a mistake, a closed stream takes everything."""
    done = shell(line)
    assert (status, error) == (done.returncode, done.stderr.partition("\n")[0])
    assert "" == done.stdout
