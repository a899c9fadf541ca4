"""Kernels for CPUs with each set of instructions that they are compiled for."""

from __future__ import annotations

import pytest

from sparx_dsl.ops.cpu import library

each_set = pytest.mark.parametrize("instructions", range(len(library.INSTRUCTION_SETS)))
"""Runs a test with each set, by its number."""


def use(monkeypatch: pytest.MonkeyPatch, instructions: int) -> None:
    """Let the library run with a set of instructions; skips the test on a machine that lacks it."""
    if instructions > library.instruction_set():
        pytest.skip(f"this machine has no {library.INSTRUCTION_SETS[instructions]}")
    monkeypatch.setattr(library, "instruction_set", lambda: instructions)
