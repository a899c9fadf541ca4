"""Drawn specs with drawn weights, deployed: what the plain backbone gives, as far as rounding allows."""

from __future__ import annotations

import copy
import random
import traceback

import torch

import sparx_dsl
from sparx_dsl.lowering import Backbone
from tests.campaign.drawn import numbered
from tests.campaign.findings import Findings
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.scans import threads
from tests.support.spec_oracle import Mapping
from tests.support.strategies import spec_mappings

OF_OWN_ERROR = 4
"""How many times the plain backbone's own error in float32, against float64, is granted where that is more."""
OF_BFLOAT16 = 2
"""How many times the plain backbone's own error in bfloat16, or one rounding, a deployed one may have."""
ROUNDING = 2.0**-8
"""Of one number to bfloat16."""


def deploy_specs(numbers: range, seed: int) -> Findings:
    """Deploy the drawn specs of these numbers in float32, each fourth in bfloat16 too; errors are against float64."""
    findings = Findings()
    with threads(1):
        for number, spec in numbered(spec_mappings(most_stages=3, deepest=3), seed, numbers):
            rng = random.Random(f"{seed} {number}")
            try:
                errors = errors_of(spec, rng, in_bfloat16=number % 4 == 0)
            except Exception:
                findings.outcomes["an exception"] += 1
                findings.faults.append(f"spec {number} of seed {seed}: {traceback.format_exc()}\n{spec}")
                continue
            for name, (error, most) in errors.items():
                findings.note(f"largest difference in {name}", error)
                kept = error <= most
                findings.outcomes[f"{name}: {'as the plain backbone' if kept else 'another result'}"] += 1
                if not kept:
                    findings.faults.append(f"{name}, spec {number} of seed {seed}: {error:.2g}, not {most:.2g}: {spec}")
    return findings


def errors_of(spec: Mapping, rng: random.Random, *, in_bfloat16: bool) -> dict[str, tuple[float, float]]:
    """By dtype the error of a deployed backbone, and what is granted."""
    torch.manual_seed(rng.getrandbits(32))
    plain = trained(sparx_dsl.build(sparx_dsl.parse_spec(spec)), rng.randrange(100))
    images = images_of(plain, rng.randint(1, 3))
    found = {"float32": in_float32(plain, images)}
    return found | ({"bfloat16": against_double(plain, images, torch.bfloat16)} if in_bfloat16 else {})


def in_float32(plain: Backbone, images: torch.Tensor) -> tuple[float, float]:
    """The error in float32 and what is granted; float64 is asked only where 1e-5 is not kept."""
    error = worst_error(results(sparx_dsl.deploy(plain), images), results(plain, images))
    if error <= SINGLE:
        return error, SINGLE
    exact = results(copy.deepcopy(plain).double(), images.double())
    return error, max(SINGLE, OF_OWN_ERROR * worst_error(results(plain, images), exact))


def against_double(plain: Backbone, images: torch.Tensor, dtype: torch.dtype) -> tuple[float, float]:
    """The error of the deployed backbone in a dtype, and what is granted for the plain one's own."""
    narrow, images = copy.deepcopy(plain).to(dtype), images.to(dtype)
    exact = results(copy.deepcopy(narrow).double(), images.double())
    own = worst_error(results(narrow, images), exact)
    return worst_error(results(sparx_dsl.deploy(narrow), images), exact), OF_BFLOAT16 * max(own, ROUNDING)
