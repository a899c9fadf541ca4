"""What is being done, on standard error: one line that changes on a terminal, and lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

EVERY: Final = 10.0
"""Seconds between two lines of one task, where standard error is not a terminal."""


class Progress:
    """The progress of one command; a line is ``TASK: what``, or a count that changes often.

    At the end of a ``with`` block, be it an error, the line is cleared on a terminal.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._task: str | None = None
        self._shown = 0.0

    def report(self, line: str) -> None:
        """Show a line: elsewhere than on a terminal each new task, and a count every ten seconds."""
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
            return
        task = line.partition(": ")[0] if ": " in line else ""
        if (task and task != self._task) or time.monotonic() - self._shown >= EVERY:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
            self._task, self._shown = task, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
