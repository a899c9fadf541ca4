"""What the campaign says of memory is what its own process has held."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.peak_memory import forget_peak_memory, peak_memory

CALLED = "from tests.support.peak_memory import peak_memory; print(peak_memory())"


def test_memory_of_the_caller_is_not_that_of_the_program() -> None:
    """``ru_maxrss`` would be: a process keeps it as it begins another program."""
    held = bytearray(2**29)
    ran = subprocess.run([sys.executable, "-c", CALLED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0 < int(ran.stdout) < 256 < len(held) // 2**20 <= peak_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets what a process has held")
def test_memory_of_an_earlier_answer_is_forgotten() -> None:
    """Else the larger of two hides the smaller."""
    bytearray(2**29)
    most = peak_memory()
    forget_peak_memory()
    assert peak_memory() < most - 256
