"""Which workers of a study are alive, on this machine and on others.

Optuna's heartbeat exists for databases alone and not for journals, is experimental, and notices a death only when a
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


def name_prefix(process: int) -> str:
    """What the names of a process's workers begin with, on this machine."""
    return f"{this_machine()}_{process}_"


def _lock_file(worker: str, folder: Path) -> Path:
    return folder / f"{worker}.alive"


def _beat_file(worker: str, folder: Path) -> Path:
    return folder / f"{worker}.beat"


class Heartbeat:
    """A worker's sign that it is alive, for as long as the ``with`` block runs, and no longer than its process.

    It holds a lock, which workers of the same machine see, and counts in a file, which others see.
    """

    def __init__(self, folder: Path, limits: StudyLimits) -> None:
        self.worker = f"{name_prefix(os.getpid())}{os.urandom(8).hex()}"
        self._lock = FileLock(_lock_file(self.worker, folder))
        self._beat = _beat_file(self.worker, folder)
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
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def _keep_beating(self) -> None:
        beats = 0
        while not self._over.wait(self._interval_s if beats else 0):
            beats += 1
            with contextlib.suppress(OSError):
                self._beat.write_text(f"{beats}", encoding="ascii")


@dataclass
class DeathWatch:
    """What one process knows of the workers of a study."""

    folder: Path
    limits: StudyLimits
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict[str, tuple[bytes, float]], repr=False)
    """The last beat of a worker on another machine, and since when it is the last."""

    def is_dead(self, worker: str) -> bool:
        """Whether a worker has ended: known at once on its machine, and after ``heartbeat_expiry_s`` on another."""
        if not _lock_file(worker, self.folder).exists():
            return True
        dead = self._is_unlocked(worker) if worker.startswith(f"{this_machine()}_") else self._is_silent(worker)
        if dead:
            for file in (_lock_file(worker, self.folder), _beat_file(worker, self.folder)):
                file.unlink(missing_ok=True)
        return dead

    def _is_unlocked(self, worker: str) -> bool:
        try:
            with FileLock(_lock_file(worker, self.folder), timeout=0):
                return True
        except Timeout:
            return False

    def _is_silent(self, worker: str) -> bool:
        file = _beat_file(worker, self.folder)
        beat = file.read_bytes() if file.is_file() else b""
        now = time.monotonic()
        known, since = self._seen.get(worker, (None, now))
        if known != beat:
            since = now
        self._seen[worker] = (beat, since)
        return now - since > self.limits.heartbeat_expiry_s
