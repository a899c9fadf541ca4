"""What the campaign says of memory is what its own process has held."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT
from tests.support.peak_memory import peak_memory

CALLED = "from tests.support.peak_memory import peak_memory; print(peak_memory())"


def test_memory_of_the_caller_is_not_that_of_the_program() -> None:
    """``ru_maxrss`` would be: a process keeps it as it begins another program."""
    held = bytearray(2**29)
    ran = subprocess.run([sys.executable, "-c", CALLED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0 < int(ran.stdout) < 256 < len(held) // 2**20 <= peak_memory()
