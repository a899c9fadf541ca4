"""Drawn specs with drawn weights, deployed: what the plain backbone gives, as far as rounding allows."""

from __future__ import annotations

import copy
import math
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

import sparx_dsl
from sparx_dsl.lowering import Backbone
from tests.campaign.drawn import numbered
from tests.campaign.findings import Findings
from tests.support.deployed import SINGLE, images_of, results, trained
from tests.support.scans import threads
from tests.support.spec_oracle import Mapping
from tests.support.strategies import spec_mappings

OF_OWN_ERROR = 4
"""How many times the plain backbone's own error in float32, against float64, is granted where that is more."""
OF_BFLOAT16 = 2
"""How many times the plain backbone's own error in bfloat16, or one rounding of a number, a deployed one may have."""
ROUNDING = 2.0**-8
"""Of one number to bfloat16."""
TINY = 1e-30
"""What a largest value of zero is taken for."""

DRAWINGS = 7
"""How many drawings of weights judge a spec that the first of them puts past what is granted."""


class Off(NamedTuple):
    """How far one result is off at most, and its largest value."""

    deployed: float
    own: float
    """Of the plain backbone."""
    largest: float


class Law(NamedTuple):
    """What is measured of a backbone in one dtype, and how far it may go."""

    errors: Callable[[Backbone, torch.Tensor], list[Off]]
    """Of each result of a plain backbone for images."""
    granted: Callable[[float], float]
    """The most that the deployed one's error may be, from the plain one's own."""


class Verdict(NamedTuple):
    """How far a deployed backbone is from the plain one in one dtype."""

    dtype: str
    error: float
    granted: float
    drawings: int
    """Of weights."""


def deploy_specs(numbers: range, seed: int) -> Findings:
    """Deploy the drawn specs of these numbers in float32, each fourth in bfloat16 too; errors are against float64.

    What one drawing of weights is rounded to is chance, above all where a backbone gives a few numbers: where the first
    is past what is granted, several together are held against the same bound.
    """
    findings = Findings()
    with threads(1):
        for number, spec in numbered(spec_mappings(most_stages=3, deepest=3), seed, numbers):
            rng = random.Random(f"{seed} {number}")
            try:
                verdicts = tuple(verdicts_of(spec, rng, in_bfloat16=number % 4 == 0))
            except Exception:
                findings.outcomes["an exception"] += 1
                findings.faults.append(f"spec {number} of seed {seed}: {traceback.format_exc()}\n{spec}")
                continue
            for verdict in verdicts:
                note(findings, verdict, f"spec {number} of seed {seed}", spec)
    return findings


def note(findings: Findings, verdict: Verdict, name: str, spec: Mapping) -> None:
    """Add a verdict to what was found."""
    dtype, error, granted, drawings = verdict
    findings.note(f"largest difference in {dtype}", error)
    kept, over = error <= granted, f", over {drawings} drawings of weights" if drawings > 1 else ""
    findings.outcomes[f"{dtype}: {'as the plain backbone' if kept else 'another result'}{over}"] += 1
    if not kept:
        findings.faults.append(f"{dtype}, {name}: {error:.2g}, not {granted:.2g}: {spec}")


def verdicts_of(spec: Mapping, rng: random.Random, *, in_bfloat16: bool) -> Iterator[Verdict]:
    """How far a drawn spec's backbone is from itself deployed, by dtype."""
    torch.manual_seed(rng.getrandbits(32))
    model = sparx_dsl.build(sparx_dsl.parse_spec(spec))
    seeds, batch = [rng.randrange(100)], rng.randint(1, 3)
    images = images_of(model, batch)
    seeds += [rng.randrange(100, 1000) for _ in range(DRAWINGS - 1)]
    for dtype, law in LAWS.items():
        if dtype == "bfloat16" and not in_bfloat16:
            continue
        drawn = [law.errors(trained(copy.deepcopy(model), seeds[0]), images)]
        error, granted = worst_of(drawn, law)
        if error > granted:
            drawn += [law.errors(trained(copy.deepcopy(model), seed), images) for seed in seeds[1:]]
            error, granted = worst_of(drawn, law)
        yield Verdict(dtype, error, granted, len(drawn))


def worst_of(drawn: Sequence[Sequence[Off]], law: Law) -> tuple[float, float]:
    """The deployed backbone's error over the largest value, and what is granted it, of the result that is worst off.

    Over several drawings it is the root of the mean square of the errors over that of the largest values: a result that
    comes out near zero in one of them says as little there as it weighs.
    """
    results = [[math.hypot(*column) for column in zip(*each, strict=True)] for each in zip(*drawn, strict=True)]
    errors = [(deployed / max(largest, TINY), own / max(largest, TINY)) for deployed, own, largest in results]
    # Where both are infinite, neither backbone's result is finite.
    judged = [(0.0 if error == own == math.inf else error, law.granted(own)) for error, own in errors]
    return max(judged, key=lambda pair: pair[0] / pair[1])


def from_plain(plain: Backbone, images: torch.Tensor) -> list[Off]:
    """How far the deployed backbone is from the plain one, and that from float64 where 1e-5 is not kept."""
    found = results(plain, images)
    differences, sizes = distances(results(sparx_dsl.deploy(plain), images), found), list(map(size_of, found))
    own = [0.0] * len(found)
    if not all(difference <= SINGLE * size for difference, size in zip(differences, sizes, strict=True)):
        own = distances(found, results(copy.deepcopy(plain).double(), images.double()))
    return list(map(Off, differences, own, sizes))


def from_double(plain: Backbone, images: torch.Tensor) -> list[Off]:
    """How far the deployed and the plain backbone are from float64, both in bfloat16."""
    narrow, images = copy.deepcopy(plain).to(torch.bfloat16), images.to(torch.bfloat16)
    exact = results(copy.deepcopy(narrow).double(), images.double())
    deployed = distances(results(sparx_dsl.deploy(narrow), images), exact)
    return list(map(Off, deployed, distances(results(narrow, images), exact), map(size_of, exact)))


def distances(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> list[float]:
    """The largest difference of each result; infinite where there is one of values that are not finite."""
    assert [each.shape for each in found] == [each.shape for each in expected]
    largest = [float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)]
    return [math.inf if math.isnan(one) else one for one in largest]


def size_of(result: torch.Tensor) -> float:
    """The largest value of a result; 0 where that is not finite."""
    size = float(result.abs().max())
    return size if math.isfinite(size) else 0.0


def granted_in_float32(own: float) -> float:
    """The most that a deployed backbone's results may differ in float32, from the plain one's own error."""
    return max(SINGLE, OF_OWN_ERROR * own)


def granted_in_bfloat16(own: float) -> float:
    """The most that a deployed backbone's error may be in bfloat16, from the plain one's own."""
    return OF_BFLOAT16 * max(own, ROUNDING)


LAWS = {"float32": Law(from_plain, granted_in_float32), "bfloat16": Law(from_double, granted_in_bfloat16)}
"""By dtype."""
