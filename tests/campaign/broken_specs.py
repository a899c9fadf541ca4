"""Valid specs with one error in each: refused at the line that was edited, with no other exception."""

from __future__ import annotations

import random
import time
import traceback
from typing import Any

import sparx_dsl
from tests.campaign.drawn import drawn
from tests.campaign.findings import Findings
from tests.support.peak_memory import peak_memory
from tests.support.spec_mutations import OPERATORS, Mutant
from tests.support.strategies import spec_mappings


def break_specs(count: int, seed: int) -> Findings:
    """Break drawn specs in every way that they have a place for, one way at a time."""
    findings, slowest, made = Findings(), 0.0, 0
    before = peak_memory()
    for number, spec in enumerate(drawn(spec_mappings(most_stages=3), seed)):
        if made >= count:
            break
        for name, mutant in mutants(spec, random.Random(f"{seed} {number}")):
            begun = time.process_time()
            outcome = answer(mutant)
            slowest = max(slowest, time.process_time() - begun)
            findings.outcomes[outcome.partition(":")[0]] += 1
            made += 1
            if outcome != "refused inside the edit":
                findings.faults.append(f"{name}, spec {number} of seed {seed}: {outcome}")
    growth = peak_memory() - before
    findings.measured |= {
        "mutation operators": str(len(OPERATORS)),
        "slowest answer": f"{slowest:.2f} s of CPU",
        "growth of memory": f"{growth} MB",
    }
    return findings


def mutants(spec: dict[str, Any], rng: random.Random) -> list[tuple[str, Mutant]]:
    """The spec broken once by each mutation operator that has a target in it."""
    made: list[tuple[str, Mutant]] = []
    for name, operator in OPERATORS.items():
        targets = operator.targets(spec)
        if targets:
            made.append((name, operator.make(spec, rng.choice(targets))))
    return made


def answer(mutant: Mutant) -> str:
    """What the language says to a broken spec."""
    try:
        sparx_dsl.connect(sparx_dsl.parse_spec(mutant.text))
    except sparx_dsl.SparxError as error:
        first = error.diagnostics[0]
        if first.where.span is None or first.where.span.column < 1:
            return f"refused without a place: {first}"
        inside = first.where.span.line in mutant.lines
        return "refused inside the edit" if inside else f"refused elsewhere: {first}\n{mutant.text}"
    except Exception:
        return f"another exception: {traceback.format_exc()}\n{mutant.text}"
    return f"accepted: {mutant.text}"
