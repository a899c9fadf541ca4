"""A constraint: a question about the values of few choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sparx_dsl.search.space.choices import Assignment
from sparx_dsl.search.space.spec_keys import SpecKey

Domains = Sequence[Sequence[int]]
"""For each choice its values by number, and ``OFF`` for one that may not exist."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on the values of the choices in ``scope``."""

    scope: tuple[int, ...]
    holds: Callable[[Assignment], bool] = field(repr=False)
    steps: int = 1
    """How much it takes to ask once (see ``effort``); 0 where that was counted before."""

    def holds_for(self, row: tuple[int, ...]) -> bool:
        """Whether the condition holds for these values of the choices in ``scope``."""
        return self.holds(dict(zip(self.scope, row, strict=True)))


def scope_of(keys: Iterable[SpecKey], *more: Iterable[int]) -> tuple[int, ...]:
    """The choices that decide any of the keys, and those given, in order."""
    return tuple(sorted({choice for key in keys for choice in key.scope}.union(*more)))
