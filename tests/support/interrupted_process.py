"""Ctrl+C at chosen instants of commands, told by how many modules have been imported: ``python -m`` runs this file.

It imports nothing of the package itself, so that each command that it forks starts as in a shell.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class InterruptingFinder(MetaPathFinder):
    """Finds no module, and sends SIGINT where the import of the one of that number begins."""

    def __init__(self, number: int) -> None:
        self._left = number

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Leaves the module to the finders behind."""
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)
        return None


def interrupted(words: Sequence[str], number: int) -> tuple[int, str]:
    """Exit status and standard error of ``sparx``, interrupted where it begins to import so many modules."""
    with tempfile.TemporaryFile() as told:
        child = os.fork()
        if child == 0:
            os.dup2(told.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.argv = ["sparx", *words]
            from sparx_dsl.cli.entry import main

            sys.meta_path.insert(0, InterruptingFinder(number))
            main()
        _, status = os.waitpid(child, 0)
        told.seek(0)
        return os.waitstatus_to_exitcode(status), told.read().decode()


if __name__ == "__main__":
    print(json.dumps([interrupted(words, number) for words, number in json.load(sys.stdin)]))
