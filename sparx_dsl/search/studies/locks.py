"""Locks of a study's folder, for processes on one machine or on several, which a killed process does not keep.

Between the processes of a machine it is ``filelock.FileLock``, the kernel's, which ends with its process, not before.
Some shared file systems keep it to one machine; there a second file names the machine of the holder. What
``filelock`` has for this, ``SoftFileLease``, is left empty by a process that is killed while making it, and then no
process ever gets it; and it expires while its holder is merely suspended. Optuna's locks outlive a killed process
by 30 s.
"""

from __future__ import annotations

import functools
import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from filelock import BaseFileLock, FileLock

POLL_INTERVAL_S = 0.01
UNNAMED_EXPIRY_S = 1.0
"""After which a holder that has not written its name counts as killed."""


@functools.cache
def this_machine() -> str:
    """A name for the running system, equal for processes between which the kernel's locks hold."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{uuid.uuid5(uuid.NAMESPACE_DNS, socket.gethostname())}-{uuid.getnode():x}"


@dataclass
class SharedLock:
    """Held by one process at a time; ``with lock:`` waits for it, and may be entered again inside.

    Whoever holds the kernel's lock on ``path`` may remove the holder's file of its own machine, which only a killed
    process can have left, and that of another machine after ``expiry_s`` seconds.
    """

    path: Path
    expiry_s: float
    _kernel: BaseFileLock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._kernel = FileLock(self.path, poll_interval=POLL_INTERVAL_S)

    @property
    def holder(self) -> Path:
        """The file that names the machine whose process holds the lock."""
        return self.path.with_name(f"{self.path.name}.owner")

    def __enter__(self) -> None:
        self._kernel.acquire()
        try:
            if self._kernel.lock_counter == 1:
                self._exclude_other_machines()
        except BaseException:
            self._kernel.release()
            raise

    def __exit__(self, *_: object) -> None:
        if self._kernel.lock_counter == 1:
            self.holder.unlink(missing_ok=True)
        self._kernel.release()

    def _exclude_other_machines(self) -> None:
        seen, since = None, 0.0
        while not self._made_holder():
            found = self._found_holder()
            if found != seen:
                seen, since = found, time.monotonic()
            expiry = self.expiry_s if found[0] else UNNAMED_EXPIRY_S
            if found[0] == this_machine() or time.monotonic() - since > expiry:
                self.holder.unlink(missing_ok=True)
            else:
                time.sleep(POLL_INTERVAL_S)

    def _made_holder(self) -> bool:
        """Whether the holder's file could be made by us, which only one of all machines can."""
        try:
            made = os.open(self.holder, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(made, "w", encoding="ascii") as file:
            file.write(this_machine())
        return True

    def _found_holder(self) -> tuple[str, int]:
        """The machine that holds the lock and since when; no name where it has none yet, or was just released."""
        try:
            return self.holder.read_text(encoding="ascii"), self.holder.stat().st_mtime_ns
        except FileNotFoundError:
            return "", 0
