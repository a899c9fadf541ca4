"""Ctrl-C and SIGTERM, which take effect in objectives and between the steps of a study, not in the middle of a step.

An interrupt that is raised anywhere could leave half of what is being written; and compiled packages may swallow it,
as numpy does while it is imported.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from multiprocessing import resource_tracker
from types import FrameType
from typing import Self


class Interrupts:
    """Remembers SIGINT and SIGTERM inside the ``with`` block, and raises ``KeyboardInterrupt`` when it may.

    A second one is raised at once wherever it comes, unless only the first is to count (``once``). Where the program
    has handlers of its own, or this is not its main thread, nothing is changed.
    """

    def __init__(self, *, once: bool = False) -> None:
        self._once = once
        self._received = self._immediate = False
        self._replaced: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                # A command has let SIGTERM raise the same already.
                found = signal.getsignal(number)
                if found in (default, signal.default_int_handler):
                    self._replaced[number] = found
                    signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._replaced.items():
            signal.signal(number, before)

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if there was one."""
        if self._received:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def immediate(self) -> Generator[None]:
        """Raise ``KeyboardInterrupt`` as soon as it comes inside the block."""
        self._immediate = True
        try:
            self.check()
            yield
        finally:
            self._immediate = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        again, self._received = self._received, True
        if self._immediate or (again and not self._once):
            self._immediate = False
            raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_held() -> Generator[None]:
    """Let SIGINT wait until the block ends; a process that is started inside lets it wait as well.

    So a worker that still imports modules, to which Ctrl+C in a terminal comes too, does not end with a traceback.
    """
    if sys.platform == "win32":
        yield
        return
    # It is started with the first process otherwise, and signals wait no longer then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release_interrupts() -> None:
    """Let SIGINT come, in a process that was started with it held."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
