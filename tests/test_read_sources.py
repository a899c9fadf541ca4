"""What is read as a spec: regular files and standard input, and neither pipes nor devices, which might never end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sparx_dsl
from sparx_dsl.language.base_file import neighbours

LONG = "x" * 300
"""More than a file's name may have."""
SPEC = """\
sparx: 1
name: piped
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages: [{channels: 8, depth: 2, S: 2}]
"""


def sparx(*arguments: str, text: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``sparx`` in a process of its own, with ``text`` as its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "sparx_dsl", *arguments],
        input=text, cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """A named pipe that nobody writes to, and a device that never ends."""
    path = tmp_path / "spec.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    done = sparx("check", str(path))
    assert 2 == done.returncode
    assert "SPX501" in done.stderr
    assert "it is not a regular file" in done.stderr
    assert "write - to read from standard input" in done.stderr


def test_a_folder_and_nothing_are_refused_as_before(tmp_path: Path) -> None:
    """The message says what is there in place of a file."""
    messages: list[str] = []
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "absent.yaml", Path("a\0b.yaml"), tmp_path / "pipe.yaml", tmp_path / LONG):
        with pytest.raises(sparx_dsl.SparxError) as caught:
            sparx_dsl.load_spec(path)
        messages.append(caught.value.diagnostics[0].message)
    reasons = ("is a directory", "no such file or directory", "embedded null byte",
               "it is not a regular file", "file name too long")  # fmt: skip
    assert [f"the file cannot be read: {reason}" for reason in reasons] == messages


def test_a_folder_that_cannot_be_listed_offers_no_guess(tmp_path: Path) -> None:
    """Such as one whose name is too long."""
    (tmp_path / "base.yaml").touch()
    assert neighbours(tmp_path) == ["base.yaml"]
    assert neighbours(tmp_path / LONG) == []


def test_a_hyphen_is_standard_input(tmp_path: Path) -> None:
    """The text of a pipe is a spec like any other; what it extends is looked for in the current folder."""
    (tmp_path / "base.yaml").write_text(SPEC, encoding="utf-8")
    done = sparx("compile", "-", "--emit", "yaml", text="extends: base.yaml\nname: narrow\n", folder=tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    assert sparx_dsl.parse_spec(SPEC).edit({"name": "narrow"}) == sparx_dsl.parse_spec(done.stdout)


def test_a_mistake_in_standard_input_has_its_place() -> None:
    """The message names standard input, the line and the column."""
    done = sparx("check", "-", "--format", "concise", text=SPEC.replace("ss2d", "ss3d"))
    assert 2 == done.returncode
    assert done.stderr.startswith("<stdin>:4:")
