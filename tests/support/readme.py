"""The README's commands and Python, as a reader would run them.

``python -m tests.support.readme``, in the checkout, runs them with what is installed beside this Python, be it little.
"""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.markdown import bodies
from tests.support.paths import ROOT

README = ROOT / "README.md"
PUT = {"SPEC": ("specs/sparx_mamba_t.yaml",), "SPEC...": ("specs/swin_t.yaml", "specs/swin_s.yaml"),
       "OTHER": ("specs/sparx_swin_t.yaml",), "SPACE": ("specs/spaces/around_mamba_t.yaml",),
       "module:function": ("macs",)}  # fmt: skip
"""What stands in place of the words that a reader replaces."""
BROUGHT_BY = {"search": "optuna"}
"""A package that is there where an extra is installed, for the extras that remarks name."""
TIMEOUT = 900.0
"""Seconds after which a command is stopped."""


@dataclass(frozen=True)
class Command:
    """A line of a block: its words, and the extra that its remark names."""

    words: tuple[str, ...]
    extra: str | None = None

    def __str__(self) -> str:
        """The line without its remark."""
        return shlex.join(self.words)

    @property
    def status(self) -> int:
        """How it ends: ``sparx diff`` with 1, since the specs differ."""
        return int(self.words[:2] == ("sparx", "diff"))

    @property
    def possible(self) -> bool:
        """Whether the extra that it needs is installed."""
        return self.extra is None or any(importlib.metadata.distributions(name=BROUGHT_BY[self.extra]))


def commands(program: str) -> list[Command]:
    """The README's commands whose first word begins so, with real files and functions in place of what is replaced."""
    found: list[Command] = []
    for line in "".join(bodies(README, "bash")).replace("\\\n", " ").splitlines():
        text, _, remark = line.partition("#")
        words = [put for word in text.split() for put in PUT.get(word, (word.strip('"'),))]
        if words and words[0].startswith(program):
            extra = re.search(r"\(extra (\w+)", remark)
            found.append(Command(tuple(words), extra[1] if extra else None))
    return found


def python_program() -> str:
    """The Python blocks, one after the other."""
    return "\n".join(bodies(README, "python"))


def lay_out(folder: Path) -> None:
    """Give a folder what the README's commands read."""
    for name in ("specs", "examples"):
        (folder / name).symlink_to(ROOT / name)


def run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of this Python's environment in a folder; ``python`` is this Python."""
    program = sys.executable if words[0] == "python" else f"{sysconfig.get_path('scripts')}/{words[0]}"
    return subprocess.run(
        [program, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def mistakes(command: Command, done: subprocess.CompletedProcess[str]) -> list[str]:
    """What is wrong with how a command ended: it ends as it should, or names the extra that it lacks; nothing warns."""
    right = (
        done.returncode == command.status
        if command.possible
        else done.returncode == 2 and str(command.extra) in done.stderr
    )
    noise = [word for word in ("Traceback", "Warning") if word in done.stderr]
    return [*noise, *([] if right else [f"status {done.returncode}"])]


def main() -> int:
    """Run the Python and every command, each said in a line; the status is 1 where one goes wrong."""
    status = 0
    with tempfile.TemporaryDirectory() as place:
        lay_out(Path(place))
        for command in (Command(("python", "-c", python_program())), *commands("sparx")):
            done = run(command.words, Path(place))
            wrong = mistakes(command, done)
            shown = "the Python blocks" if command.words[0] == "python" else str(command)
            print(f"{shown}: {', '.join(wrong) or 'as shown'}")
            if wrong:
                status = 1
                print(done.stdout, done.stderr, sep="\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
