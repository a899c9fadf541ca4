"""Studies that are killed at random instants: no trial that was reported as ended is lost, and the study goes on.

    python -m tests.campaign.killed_studies SEED COUNT FOLDER

Prints one JSON object; a process of its own, which forks studies from what it has imported.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import sparx_dsl
from tests.campaign.findings import Findings
from tests.support.studies import small_space

MOST = 6
"""Trials that are waited for before a study is killed."""
LONGEST = 0.05
"""Seconds for which it goes on at most after that."""
PATIENCE = 20
"""Seconds after which it is killed whatever it did."""
TOGETHER = 10
"""Kills of one study before the next is begun, so that files stay small."""


def main(seed: int, count: int, folder: Path) -> None:
    """Kill studies in turn, and print how many trials were reported, kept and lost."""
    findings, space, log = Findings(), small_space(), folder / "reported.txt"
    sparx_dsl.run_study(space, "params", trials=2, study=folder / "warm.journal", seed=0)
    for number in range(count):
        rng, study = random.Random(f"{seed} {number}"), folder / f"study{number // TOGETHER}.journal"
        if number % TOGETHER == 0:
            log.write_bytes(b"")
        _killed(space, study, log, rng.randint(0, MOST), rng.uniform(0, LONGEST))
        reported = {int(line) for line in log.read_text(encoding="ascii").split("\n")[:-1]}
        try:
            kept = {each.number for each in sparx_dsl.read_study(space, study).trials if each.values}
        except sparx_dsl.SparxError as error:
            kept = set[int]()
            if reported:
                findings.faults.append(f"study, kill {number} of seed {seed}: {error}")
        lost = sorted(reported - kept)
        findings.outcomes["study: killed"] += 1
        findings.outcomes["trials of killed studies that were reported, and kept"] += len(reported & kept)
        if lost:
            findings.faults.append(f"study, kill {number} of seed {seed}: trials {lost} were reported, and are lost")
    print(json.dumps({"outcomes": findings.outcomes, "faults": findings.faults}))


def _killed(space: sparx_dsl.Space, study: Path, log: Path, trials: int, seconds: float) -> None:
    """Kill a process that goes on with a study, and writes the number of each trial whose end it sees."""
    child = os.fork()
    if not child:
        try:
            file = os.open(log, os.O_WRONLY | os.O_APPEND)

            def note(_: Any, trial: Any) -> None:
                os.write(file, b"%d\n" % trial.number)

            sparx_dsl.run_study(space, "params", trials=10**6, study=study, seed=0, sampler="random", callbacks=[note])
        finally:
            os._exit(1)
    until, wanted = time.monotonic() + PATIENCE, log.read_bytes().count(b"\n") + trials
    while log.read_bytes().count(b"\n") < wanted and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
