"""Coverage-guided fuzzing, by Atheris, of what reads specs, spaces, both kinds of checkpoint, and studies.

    python -m tests.campaign.fuzzed spec SECONDS FOLDER

SECONDS are of CPU, without those in which the corpus is read that FOLDER keeps, and which begins with that of
``corpora/``. An exception that is no diagnostic, an answer that takes more than a second of CPU, five for a space, or
memory that grows by half a gigabyte ends it with a status other than 0, and the input is written to the working
folder. Atheris, of the extra ``fuzz``, is for Linux.
"""

from __future__ import annotations

import importlib
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.campaign.bounds import most_seconds
from tests.campaign.journal_mutations import mutated_journal
from tests.campaign.kept_inputs import kept
from tests.support.peak_memory import peak_memory

TIMEOUT = 1200
"""Seconds after which libFuzzer ends an answer that does not come back."""
MOST = 2048
"""MiB after which it does so, beyond what it begins with."""
LONGEST = 8192
"""Bytes of an input."""
GROWTH = 512
"""MiB by which memory may grow after the first input."""
FOLLOWED = ["sparx_dsl", "optuna.storages", "optuna.trial", "optuna.distributions"]
"""Packages whose code is the coverage that is looked for."""


class Watched:
    """A target that is held to its limits, and ends the process with a row of figures when its time is over."""

    def __init__(
        self, target: str, run: Callable[[bytes], None], seconds: float, corpus: Path, close: Callable[[], object]
    ) -> None:
        self.target, self.run, self.seconds, self.corpus, self.close = target, run, seconds, corpus, close
        self.inputs, self.slowest, self.least = 0, 0.0, 0
        self.old = sum(1 for _ in corpus.iterdir())
        self.begun = float("inf")

    def __call__(self, data: bytes) -> None:
        """Try an input; ``AssertionError`` where it takes too long or too much."""
        before = time.process_time()
        if self.inputs == self.old:
            self.begun = before  # all of the corpus has been read
        if before - self.begun > self.seconds:
            print(self.row(before - self.begun), flush=True)
            self.close()
            os._exit(0)  # libFuzzer takes any exception for a fault
        self.run(data)
        took = time.process_time() - before
        self.inputs += 1
        self.least = self.least or peak_memory()
        # The first input compiles and caches what all use.
        if self.inputs > 1:
            self.slowest = max(self.slowest, took)
            assert took <= most_seconds(self.target), f"an answer took {took:.2f} s of CPU"
        assert peak_memory() - self.least <= GROWTH, f"memory grew by {peak_memory() - self.least} MiB"

    def row(self, seconds: float) -> str:
        """The row of the table in ``docs/reliability.md``."""
        reached = sum(1 for _ in self.corpus.iterdir())
        return (
            f"| {self.target} | {self.inputs:,} | {seconds:,.0f} s | {reached:,} | {self.slowest:.2f} s "
            f"| {peak_memory() - self.least} MiB | 0 |"
        )


def fuzz(target: str, seconds: float, corpus: Path) -> None:
    """Fuzz one target; never returns. Raises ``SystemExit`` where Atheris is not installed."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("fuzzing needs Atheris: pip install 'sparx_dsl[fuzz]'")
    folder = TemporaryDirectory()
    with atheris.instrument_imports(include=FOLLOWED):
        targets = importlib.import_module("tests.campaign.fuzz_targets")
        first = list(targets.seeds(target))
        guarded = targets.guarded(targets.TARGETS[target](Path(folder.name)))
        for data in first:
            guarded(data)  # which imports what is imported at its first use
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in ({f"seed{number}": data for number, data in enumerate(first)} | kept(target)).items():
        (corpus / name).write_bytes(data)
    run = Watched(target, guarded, seconds, corpus, folder.cleanup)
    # libFuzzer's figure is never less than that of what called this program.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + MOST
    limits = [f"-timeout={TIMEOUT}", f"-rss_limit_mb={most}", f"-max_len={LONGEST}"]
    arguments = [sys.argv[0], *limits, str(corpus)]

    def journals(data: bytes, size: int, seed: int) -> bytes:
        made = mutated_journal(data, random.Random(seed), lambda each: bytes(atheris.Mutate(each, size)))
        return made[:size]

    atheris.Setup(arguments, run, **({"custom_mutator": journals} if target == "study" else {}))
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
