"""The functions that are fuzzed let no exception through but a diagnostic: first inputs, whole and damaged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaign.checkpoint_files import damaged
from tests.campaign.fuzz_targets import TARGETS, seeds


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_inputs_are_answered(target: str, tmp_path: Path) -> None:
    """As the fuzzer calls it; each seed is whole once."""
    run = TARGETS[target](tmp_path)
    for number, seed in enumerate(seeds(target)):
        run(seed)
        for attack in range(12):
            run(damaged(seed, random.Random(f"{target} {number} {attack}")))
