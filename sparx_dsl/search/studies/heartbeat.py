"""Which workers of a study are alive, on this machine and on others.

Optuna's heartbeat exists for databases alone and not for journals, is experimental, and notices a crash only when a
grace period is over; its callback begins a lost trial again under another number, and so with another seed.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.locks import this_machine

ALIVE, BEAT = ".alive", ".beat"
"""Suffixes of the files of a worker: the one that it keeps locked, and the one in which it counts."""


def name_prefix(process: int) -> str:
    """What the names of a process's workers begin with, on this machine."""
    return f"{this_machine()}_{process}_"


class Heartbeat:
    """A worker's sign that it is alive, for as long as the ``with`` block runs, and no longer than its process.

    It holds a lock, which workers of the same machine see, and counts in a file, which others see.
    """

    def __init__(self, folder: Path, limits: StudyLimits) -> None:
        self.worker = f"{name_prefix(os.getpid())}{os.urandom(8).hex()}"
        self._file, self._beat = folder / f"{self.worker}{ALIVE}", folder / f"{self.worker}{BEAT}"
        self._lock = FileLock(self._file)
        self._interval_s = limits.heartbeat_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)

    def __enter__(self) -> Self:
        self._lock.acquire()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._beat.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)
        self._lock.release()

    def _keep_beating(self) -> None:
        beats = 0
        while not self._over.wait(self._interval_s if beats else 0):
            beats += 1
            with contextlib.suppress(OSError):
                self._beat.write_text(f"{beats}", encoding="ascii")


@dataclass
class CrashDetector:
    """What one process knows of the workers of a study."""

    folder: Path
    limits: StudyLimits
    _seen: dict[Path, tuple[bytes, float]] = field(default_factory=dict[Path, tuple[bytes, float]], repr=False)
    """The last beat of workers on other machines, and since when it is the last."""

    def is_dead(self, worker: str) -> bool:
        """Whether a worker has ended: known at once on its machine, and after ``heartbeat_expiry_s`` on another."""
        file, beat = self.folder / f"{worker}{ALIVE}", self.folder / f"{worker}{BEAT}"
        if not file.exists():
            return True
        here = worker.startswith(f"{this_machine()}_")
        if not (_is_unlocked(file) if here else self._is_silent(beat)):
            return False
        file.unlink(missing_ok=True)
        beat.unlink(missing_ok=True)
        return True

    def _is_silent(self, file: Path) -> bool:
        beat, now = file.read_bytes() if file.is_file() else b"", time.monotonic()
        last, since = self._seen.get(file, (beat, now))
        self._seen[file] = beat, (since if last == beat else now)
        return now - self._seen[file][1] > self.limits.heartbeat_expiry_s


def _is_unlocked(file: Path) -> bool:
    try:
        with FileLock(file, timeout=0):
            return True
    except Timeout:
        return False
