"""The most memory that a process has held."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_memory() -> int:
    """The most that this process has held, in MiB, since it runs this program.

    ``ru_maxrss`` is also that of what called the program: a child of a test run of 2 GiB begins with 2 GiB.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
    peak = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)
    assert peak is not None
    return int(peak[1]) // 1024
