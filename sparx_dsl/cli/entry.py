"""Where a process of ``sparx`` begins and ends: Ctrl+C at any instant gives status 130, and never a traceback.

SIGTERM, by which schedulers and ``timeout`` end a command, is as Ctrl+C once the command runs: files that are half
written go. Only the standard library is imported until Ctrl+C is taken care of.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from sparx_dsl.cli.statuses import INTERRUPTED

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def main() -> None:
    """The command ``sparx``."""
    _run(_sparx)


def compile_main() -> None:
    """The command ``sparx-compile``, which is ``sparx compile``."""
    _run(_sparx_compile)


def _sparx() -> Callable[[], None]:
    from sparx_dsl.cli import main as commands

    return commands.main


def _sparx_compile() -> Callable[[], None]:
    from sparx_dsl.cli import main as commands

    return commands.compile_main


def _run(load: Callable[[], Callable[[], None]]) -> None:
    """Import a command and run it, for the rest of this process."""
    if signal.getsignal(signal.SIGINT) != signal.default_int_handler:
        # Whoever started this process has Ctrl+C ignored in it, as scripts do for what runs in the background.
        command = load()
        _tidy_when_terminated()
        command()
        return
    signal.signal(signal.SIGINT, _leave)
    command = load()
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    sys.unraisablehook = _unraisable
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _tidy_when_terminated()
        command()
    except BaseException as error:
        # Compiled packages turn an interrupt into an error of their own, or lose it.
        if not isinstance(error, KeyboardInterrupt) and not _interrupted(reader):
            raise
        # Python itself would end by the signal where one came inside ``exec``, as in a namedtuple's class.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, _leave)


def _tidy_when_terminated() -> None:
    """Let SIGTERM raise what Ctrl+C raises, where nothing else was asked for."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _interrupted(reader: socket.socket) -> bool:
    """Whether there was a Ctrl+C or a SIGTERM, which Python has written to the socket before any handler ran."""
    try:
        return not {signal.SIGINT, signal.SIGTERM}.isdisjoint(reader.recv(4096))
    except BlockingIOError:
        return False


def _leave(number: int, frame: FrameType | None) -> None:
    """End the process where nothing is left to tidy up, without running the rest of it."""
    os._exit(INTERRUPTED)


def _unraisable(unraisable: UnraisableHookArgs) -> None:
    """Say what Python says of errors that nothing can handle, but for an interrupt."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
