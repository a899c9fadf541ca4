"""Intermediate values of a trial: what the objective reports before its end, and where that goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol


class Reporter(Protocol):
    """Where the intermediate values of a trial go."""

    def report(self, value: float, step: int) -> None:
        """Keep a value of that step."""
        ...

    def should_prune(self) -> bool:
        """Whether the study's pruner would end the trial now."""
        ...


@dataclass(frozen=True)
class KeptReports:
    """Values that are kept until the trial ends, where the study's file is on another machine; nothing is pruned."""

    values: dict[int, float] = field(default_factory=dict[int, float])

    def report(self, value: float, step: int) -> None:
        """Keep a value of that step."""
        self.values[step] = value

    def should_prune(self) -> bool:
        """Never."""
        return False


def check_report(value: float, step: int) -> tuple[float, int]:
    """The value and its step as plain numbers; raises ``ValueError`` for what is none."""
    number, place = float(value), int(step)
    if place != step or place < 0:
        raise ValueError(f"the step of an intermediate value must be an integer from 0, got {step!r}")
    if math.isinf(number):
        raise ValueError(f"an intermediate value must be finite or NaN, got {number}")
    return number, place
