"""What a study is asked to do: one value, checked, that every worker is given."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.studies.limits import StudyLimits
from sparx_dsl.search.studies.objectives import Direction, Objective, value_names

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

Sampler = Literal["random", "tpe", "nsga2"]
SAMPLERS: Final[tuple[Sampler, ...]] = get_args(Sampler)
MAX_TRIALS: Final = 1_000_000
MAX_WORKERS: Final = 1_024
MAX_SEED: Final = 2**63 - 1
MAX_SECONDS: Final = 10**9
LOCAL: Final = "local"
"""In place of a cluster's address: one on this machine, for as long as the study runs."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """A Ray cluster, and the resources of it that one trial takes."""

    address: str = LOCAL
    """``local``, ``auto`` for the cluster that this machine is part of, ``host:port``, or ``ray://host:port``."""
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class StudyConfig:
    """A study as it was asked for; raises ``SparxError`` (SPX759) for numbers that are out of their range."""

    space: Space
    path: Path
    """The study's file."""
    objectives: tuple[Objective, ...]
    directions: tuple[Direction, ...]
    """One for each value."""
    sampler: Sampler
    trials: int
    """How many trials the study has when it ends: those with values, and those that failed."""
    seed: int | None = None
    """None for the study's own, or 0 for a new one."""
    workers: int | None = None
    """Processes here, or trials at once on a cluster; by default one, or as many as there is room for."""
    timeout: float | None = None
    """In seconds from ``started``; after it no trial begins."""
    inherit: bool = False
    """Whether a trial is given the weights of the closest one."""
    ray: RayOptions | None = None
    pruner: BasePruner | None = None
    """Ends trials whose intermediate values promise little."""
    limits: StudyLimits = field(default_factory=StudyLimits)
    started: float = field(default_factory=time.monotonic)
    """As ``time.monotonic()`` gives it in this process: the clock of a machine may be set while a study runs."""

    def __post_init__(self) -> None:
        _check_number("the number of trials", self.trials, 0, MAX_TRIALS)
        _check_number("the number of workers", 1 if self.workers is None else self.workers, 1, MAX_WORKERS)
        _check_number("the seed", self.seed or 0, 0, MAX_SEED)
        _check_number("the timeout in seconds", self.timeout or 0, 0, MAX_SECONDS)
        if self.ray is not None:
            _check_number("the CPUs of a trial", self.ray.cpus, 0, MAX_WORKERS)
            _check_number("the GPUs of a trial", self.ray.gpus, 0, MAX_WORKERS)

    def __getstate__(self) -> dict[str, Any]:
        """All of it, with the seconds since it was started: another machine counts from elsewhere."""
        return {**vars(self), "started": time.monotonic() - self.started}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "started": time.monotonic() - state["started"]})

    @property
    def names(self) -> tuple[str, ...]:
        """What tables call the values."""
        return value_names(self.objectives, len(self.directions))

    @property
    def is_late(self) -> bool:
        """Whether the timeout is over."""
        return time.monotonic() > (math.inf if self.timeout is None else self.started + self.timeout)

    def trial_seed(self, number: int, purpose: str) -> int:
        """A number in [0, 2^31) for one purpose of one trial, the same on whatever worker it runs."""
        digest = hashlib.sha256(f"{self.seed or 0} {number} {purpose}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1


def read_sampler(name: str | None, directions: tuple[Direction, ...]) -> Sampler:
    """The sampler of that name, or the one that suits the number of values; raises ``SparxError`` (SPX755)."""
    if name is None:
        return "tpe" if len(directions) == 1 else "nsga2"
    for known in SAMPLERS:
        if name == known:
            return known
    notes, advice = (f"the samplers are {', '.join(SAMPLERS)}",), did_you_mean(name, SAMPLERS)
    raise SparxError(Diagnostic(Code.UNKNOWN_SAMPLER, f"unknown sampler {quoted(name)}", notes=notes, help=advice))


def _check_number(what: str, number: float, least: float, most: float) -> None:
    if not least <= number <= most:
        raise SparxError(
            Diagnostic(Code.STUDY_NUMBER_OUT_OF_RANGE, f"{what} must be from {least} to {most}, not {number}")
        )
