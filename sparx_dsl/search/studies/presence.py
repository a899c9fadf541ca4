"""Which workers of a study are alive, on this machine and on others."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sparx_dsl.search.studies.locks import fcntl, this_machine, this_process

BEAT = 5.0
"""Seconds between two signs of life."""
SILENCE = 60.0
"""Seconds without a sign of life after which a worker of another machine is taken for dead."""
SUFFIX = ".alive"


class Presence:
    """A worker's sign of life, for as long as the ``with`` block runs: a file that it keeps locked and beats in.

    The kernel lets the lock go with the process, however that ends, so that workers of the same machine know at once.
    Others see that the count in the file stands still.
    """

    def __init__(self, folder: Path, beat: float = BEAT) -> None:
        self._folder, self._beat = folder, beat
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self.name = f"{this_machine()}_{this_process()}_{os.urandom(4).hex()}"
        self._file = -1

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o644)
        if fcntl is not None:
            with contextlib.suppress(OSError):
                # Unlike ``flock``, this lock does not pass on to processes that the objective forks.
                fcntl.lockf(self._file, fcntl.LOCK_EX)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    @property
    def _path(self) -> Path:
        return self._folder / f"{self.name}{SUFFIX}"

    def _keep_beating(self) -> None:
        beats = 0
        while True:
            with contextlib.suppress(OSError):
                os.lseek(self._file, 0, os.SEEK_SET)
                os.write(self._file, f"{beats:020d}".encode())
                os.fsync(self._file)
            beats += 1
            if self._over.wait(self._beat):
                return


@dataclass
class Watch:
    """What one process knows of the others' signs of life."""

    folder: Path
    silence: float = SILENCE
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict[str, tuple[bytes, float]], repr=False)

    def is_dead(self, name: str) -> bool:
        """Whether the worker of that name is known to be dead; one of another machine is so after ``silence`` s."""
        path = self.folder / f"{name}{SUFFIX}"
        machine, process, *_ = (*name.split("_"), "")
        if not path.exists():
            return True
        if process == this_process():
            return False
        if machine == this_machine() and fcntl is not None:
            return _is_unlocked(path)
        return self._is_silent(name, path)

    def _is_silent(self, name: str, path: Path) -> bool:
        try:
            beats = path.read_bytes()
        except FileNotFoundError:
            return True
        now = time.monotonic()
        known, since = self._seen.get(name, (b"", now))
        if known != beats:
            since = now
        self._seen[name] = (beats, since)
        return now - since > self.silence


def _is_unlocked(path: Path) -> bool:
    """Whether nobody holds the lock of a sign of life; the file of a dead worker is then removed."""
    if fcntl is None:
        return False
    try:
        file = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
        return True
    except OSError:
        return False
    finally:
        os.close(file)
