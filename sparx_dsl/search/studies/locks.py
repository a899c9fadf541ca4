"""A lock for processes that share a folder, on one machine or on several, which a killed process does not keep."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: the owner's file and its grace are all there is.
    fcntl = None

GRACE = 30.0
"""Seconds after which a lock of another machine that nobody renews is taken for abandoned."""
SLOWEST_POLL = 0.2
"""Seconds between two looks at a lock that another machine holds, at most."""


@functools.cache
def this_process() -> str:
    """A name for this process that no other has, wherever and whenever it runs."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


@functools.cache
def this_machine() -> str:
    """A name for the running system: what two processes share exactly where the kernel's locks hold between them."""
    if fcntl is None:
        return this_process()
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{socket.gethostname()}-{uuid.getnode():x}"


@dataclass
class FolderLock:
    """Held by one process at a time; ``with lock:`` waits for it.

    Two locks in one. Between the processes of a machine it is the kernel's lock on ``path``, which ends with the
    process that holds it. Between machines, whose kernels may not tell each other, it is a second file that names the
    machine of its holder: whoever holds the kernel's lock may remove one of its own machine, which only a killed
    process can have left; one of another machine is removed after ``GRACE`` seconds.
    """

    path: Path
    _file: IO[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def owner(self) -> Path:
        """The file that names the machine whose process holds the lock."""
        return self.path.with_name(f"{self.path.name}.owner")

    def acquire(self) -> bool:
        """Wait until the lock is ours; raises ``OSError`` where the folder cannot be written to."""
        file = self.path.open("ab")
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # A folder without the kernel's locks has the owner's file.
                    fcntl.flock(file, fcntl.LOCK_EX)
            self._take_from_other_machines()
        except BaseException:
            file.close()
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Let the next one in."""
        file, self._file = self._file, None
        if file is not None:
            self.owner.unlink(missing_ok=True)
            file.close()

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take_from_other_machines(self) -> None:
        seen: tuple[str, int] | None = None
        since = time.monotonic()
        pause = 0.001
        while not self._claimed():
            found = self._holder()
            if found is None:
                continue
            if found != seen:
                seen, since = found, time.monotonic()
            if found[0] == this_machine() or time.monotonic() - since > GRACE:
                self.owner.unlink(missing_ok=True)
                continue
            time.sleep(pause)
            pause = min(2 * pause, SLOWEST_POLL)

    def _claimed(self) -> bool:
        """Whether the owner's file could be made by us, which only one of all machines can."""
        try:
            made = os.open(self.owner, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(made, "w", encoding="ascii") as file:
            file.write(this_machine())
        return True

    def _holder(self) -> tuple[str, int] | None:
        """The machine that holds the lock and since when; None where it was just released."""
        try:
            return self.owner.read_text(encoding="ascii"), self.owner.stat().st_mtime_ns
        except OSError:
            return None
