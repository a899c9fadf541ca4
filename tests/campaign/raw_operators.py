"""Every operator of ``torch.ops.sparx_dsl`` under arguments that do not fit, in processes that they may end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

from tests.campaign.findings import Findings
from tests.support.operator_attacks import TARGETS
from tests.support.paths import ROOT

TOGETHER = 2_500
"""Attacks in one process."""
PATIENCE = 300
"""Seconds after which a process of attacks is taken for one that hangs."""
CONCURRENT = 500
"""For so many attacks there is one group of calls from threads, or in a fork."""


def attack_operators(count: int, seed: int) -> Findings:
    """Attack in processes of many attacks each; where one ends early, the next goes on behind the fatal attack."""
    findings, first = Findings(), 0
    while first < count:
        fatal, part = _attacked(seed, first, min(TOGETHER, count - first))
        if fatal is None:
            first += TOGETHER
        else:
            name = TARGETS[fatal % len(TARGETS)].name
            part = _attacked(seed, first, fatal - first)[1] if fatal > first else Findings()
            part.faults.append(f"{name}: attack {fatal} of seed {seed} ended the process")
            first = fatal + 1
        findings.add(part)
    groups = max(2, count // CONCURRENT)
    status, output, _ = _run("tests.campaign.concurrent_operators", seed, groups)
    findings.add(_reported(output) if status == 0 else Findings(faults=[f"threads and forks: ended with {status}"]))
    return findings


def _run(module: str, *numbers: int) -> tuple[int | None, str, str]:
    """The exit status of a process, None where it had to be stopped, with what it printed."""
    command = [sys.executable, "-m", module, *map(str, numbers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        output, notes = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return None, *process.communicate()
    return process.returncode, output, notes


def _attacked(seed: int, first: int, count: int) -> tuple[int | None, Findings]:
    """The attack that ended its process, if one did, and what the attacks found otherwise."""
    status, output, notes = _run("tests.support.operator_attacks", seed, count, first)
    if status == 0:
        return None, _reported(output)
    return int(notes.split()[-1]), Findings()


def _reported(output: str) -> Findings:
    """What a process of attacks printed; how each operator answered is summed over operators."""
    report = json.loads(output)
    outcomes: Counter[str] = Counter()
    for name, number in report["outcomes"].items():
        first, _, last = name.partition(" ")
        outcomes[last if first in {target.name for target in TARGETS} else name] += number
    return Findings(outcomes=outcomes, faults=report["wrong"])
