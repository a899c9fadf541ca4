"""What is being done, on standard error: one line that changes on a terminal, and lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final

EVERY: Final = 10.0
"""Seconds between two lines of one task, where standard error is not a terminal."""


class Progress:
    """The progress of one command; a line is ``TASK: what``, or a count that changes often."""

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

    def end(self) -> None:
        """Clear the line on a terminal."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
