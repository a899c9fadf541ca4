"""What a trial of a long study takes at its beginning and at its end, with an objective that does nothing.

python -m tests.campaign.long_study TRIALS SAMPLER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import sparx_dsl
from tests.support.peak_memory import peak_memory
from tests.support.studies import small_space

PART = 20
"""The first and the last of so many parts of the trials are compared."""


def main(trials: int, sampler: str) -> None:
    """Run a study of so many trials in this process, and print milliseconds of CPU for a trial, and memory."""
    begun: list[float] = []

    def objective(trial: sparx_dsl.Trial) -> float:
        begun.append(time.process_time())
        return float(trial.number % 7)

    with TemporaryDirectory() as folder:
        study = Path(folder) / "long.journal"
        sparx_dsl.run_study(small_space(), objective, trials=trials, study=study, seed=0, sampler=sampler)
    few = max(1, trials // PART)
    first, last = ((part[-1] - part[0]) / few * 1e3 for part in (begun[: few + 1], begun[-few - 1 :]))
    print(
        f"{trials:,} trials, {sampler}: {first:.1f} ms of CPU a trial at first, {last:.1f} at last, {peak_memory()} MB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
