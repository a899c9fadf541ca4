"""The most memory that a process has held."""

from __future__ import annotations

import re
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")
"""Linux's account of a process."""


def peak_memory() -> int:
    """The most that this process has held, in MiB, since it began this program or last called ``forget_peak_memory``.

    ``ru_maxrss`` is also that of what called the program: a child of a test run of 2 GiB begins with 2 GiB.
    """
    if not STATUS.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
    peak = re.search(r"^VmHWM:\s*(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    assert peak is not None
    return int(peak[1]) // 1024


def forget_peak_memory() -> None:
    """Let ``peak_memory`` begin again with what this process holds now; on Linux alone."""
    if STATUS.is_file():
        STATUS.with_name("clear_refs").write_text("5")
