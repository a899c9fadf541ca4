"""Compiling a spec twice gives the same: in one process, and in one that orders its sets otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.compiler_texts import compiler_texts
from tests.support.paths import ROOT


def test_a_spec_compiled_twice_gives_the_same_code() -> None:
    """Graph, plan, prices, pictures and code do not depend on the order of sets, nor on what was compiled before."""
    first = compiler_texts()
    assert compiler_texts() == first
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    command = [sys.executable, "-m", "tests.support.compiler_texts"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    other = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert json.loads(other.stdout) == first
