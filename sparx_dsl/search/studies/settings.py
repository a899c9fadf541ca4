"""What a study is asked to do, checked before it begins."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from sparx_dsl.errors import Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.search.space import Space
from sparx_dsl.search.studies.objectives import Direction, Function, Objective
from sparx_dsl.search.values import Choice, value_of

Sampler = Literal["random", "tpe", "nsga2"]
SAMPLERS: Final[tuple[Sampler, ...]] = get_args(Sampler)
MOST_TRIALS: Final = 1_000_000
MOST_WORKERS: Final = 1_024
MOST_SEED: Final = 2**63 - 1
MOST_SECONDS: Final = 10**9
LOCAL: Final = "local"
"""In place of a cluster's address: one on this machine, for as long as the study runs."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """A Ray cluster, and what a trial takes of it."""

    address: str = LOCAL
    """``local``, ``auto`` for the cluster that this machine is part of, ``host:port``, or ``ray://host:port``."""
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Request:
    """What ``run_study`` was called with."""

    objectives: tuple[str | Function, ...]
    study: Path
    trials: int
    directions: tuple[str, ...] = ()
    sampler: str | None = None
    seed: int | None = None
    workers: int | None = None
    timeout: float | None = None
    inherit: bool = False
    ray: RayOptions | None = None
    progress: bool = False


@dataclass(frozen=True)
class Settings:
    """What every worker of a study knows."""

    objectives: tuple[Objective, ...]
    directions: tuple[Direction, ...]
    trials: int
    """How many trials the study has when it ends: those with values, and those that failed."""
    sampler: Sampler
    seed: int
    inherit: bool = False
    deadline: float = math.inf
    """The time, as ``time.time()`` has it, after which no trial begins."""


def read_sampler(name: str | None, directions: tuple[Direction, ...]) -> Sampler:
    """The sampler of that name, or the one that suits the number of values; raises ``SparxError`` (SPX755)."""
    if name is None:
        return "tpe" if len(directions) == 1 else "nsga2"
    for known in SAMPLERS:
        if name == known:
            return known
    notes, advice = (f"the samplers are {', '.join(SAMPLERS)}",), did_you_mean(name, SAMPLERS)
    raise SparxError(Diagnostic("SPX755", f"there is no sampler {quoted(name)}", notes=notes, help=advice))


def check_request(request: Request) -> None:
    """Raise ``SparxError`` (SPX759) for numbers that are out of their range."""
    check_number("the number of trials", request.trials, 0, MOST_TRIALS)
    check_number("the number of workers", 1 if request.workers is None else request.workers, 1, MOST_WORKERS)
    check_number("the seed", request.seed or 0, 0, MOST_SEED)
    check_number("the timeout in seconds", request.timeout or 0, 0, MOST_SECONDS)
    if request.ray is not None:
        check_number("the CPUs of a trial", request.ray.cpus, 0, MOST_WORKERS)
        check_number("the GPUs of a trial", request.ray.gpus, 0, MOST_WORKERS)


def check_number(what: str, number: float, least: float, most: float) -> None:
    """Raise ``SparxError`` (SPX759) for a number that is out of its range."""
    if not least <= number <= most:
        raise SparxError(Diagnostic("SPX759", f"{what} must be from {least} to {most}, not {number}"))


def space_digest(space: Space) -> str:
    """64 hexadecimal digits, equal for two spaces that have the same base, choices and bounds, in the same order."""
    whole = {
        "base": space.base.written(),
        "choices": [_choice(choice) for choice in space.choices],
        "bounds": [[bound.measure, bound.least, bound.most] for bound in space.bounds],
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def trial_seed(seed: int, number: int, purpose: str) -> int:
    """A number in [0, 2^31) for one purpose of one trial, the same on whatever worker it runs."""
    digest = hashlib.sha256(f"{seed} {number} {purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def files_folder(study: Path) -> Path:
    """The folder of a study's locks, signs of life and trials' files, beside its file; no other study's file has it."""
    return study.with_name(f"{study.name}.files")


def _choice(choice: Choice) -> list[object]:
    alternatives = [
        [one.value, [[list(path), value_of(node)] for path, node in one.patches],
         [[action, value_of(node)] for action, node in one.links]]
        for one in choice.alternatives
    ]  # fmt: skip
    return [choice.name, alternatives, [[when.choice, sorted(when.among)] for when in choice.when]]
