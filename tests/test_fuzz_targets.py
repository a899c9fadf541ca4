"""What is fuzzed lets no exception through but a diagnostic: first inputs, whole and damaged, what earlier runs have
kept, and a few seconds of new ones."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparx_dsl
from tests.campaign.checkpoint_files import damaged
from tests.campaign.fuzz_targets import TARGETS, guarded, seeds
from tests.campaign.fuzzed import Watched
from tests.campaign.journal_mutations import mutated_journal
from tests.campaign.kept_inputs import CORPORA, kept
from tests.support.paths import ROOT

SECONDS = 12
"""Of CPU for each target: a minute for all five."""


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_inputs_are_answered(target: str, tmp_path: Path) -> None:
    """As the fuzzer calls it; each seed is whole once."""
    read = TARGETS[target](tmp_path)
    for number, seed in enumerate(seeds(target)):
        read(seed)
        for attack in range(12):
            guarded(read)(damaged(seed, random.Random(f"{target} {number} {attack}")))


def test_journals_with_another_value_are_answered(tmp_path: Path) -> None:
    """As they are changed where Atheris asks for a new one; some of them are still a study's."""
    (seed,) = seeds("study")
    read, answers = TARGETS["study"](tmp_path), set[str]()
    for attack in range(150):
        rng = random.Random(attack)
        journal = mutated_journal(seed, rng, lambda data, rng=rng: damaged(data, rng))
        try:
            read(journal)
            answers.add("a study")
        except sparx_dsl.SparxError as error:
            answers |= {each.code for each in error.diagnostics}
    assert {"a study", "SPX752"} <= answers <= {"a study", "SPX752", "SPX753"}


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_are_answered(target: str, tmp_path: Path) -> None:
    """Within the limits of a fuzzer that follows no coverage."""
    watched = Watched(target, guarded(TARGETS[target](tmp_path)), float("inf"), tmp_path, lambda: None)
    for data in kept(target).values():
        watched(data)
    assert watched.inputs > 0


def test_every_target_has_a_corpus() -> None:
    """And no other has one."""
    assert {path.name for path in CORPORA.iterdir()} == {f"{target}.tar.xz" for target in TARGETS}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="Atheris is not installed")
@pytest.mark.parametrize("target", TARGETS)
def test_new_inputs_are_answered(target: str, tmp_path: Path) -> None:
    """Atheris goes on from the corpus that is kept."""
    command = [sys.executable, "-m", "tests.campaign.fuzzed", target, str(SECONDS), str(tmp_path / "corpus")]
    ran = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    row = re.fullmatch(rf"\| {target} \| ([\d,]+) \| {SECONDS} s \|.*\| 0 \|", ran.stdout.splitlines()[-1])
    assert row is not None
    assert int(row[1].replace(",", "")) > 100
