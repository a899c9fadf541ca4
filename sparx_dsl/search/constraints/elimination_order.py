"""Which choice is eliminated next: the one that ties the fewest combinations together, among those that may be."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from sparx_dsl.search.constraints.factor import Factor

Sender = TypeVar("Sender")


class PendingFactors(Generic[Sender]):
    """The choices and the factors that are left, so kept that each step looks only at what it concerns."""

    def __init__(
        self, domains: Sequence[Sequence[int]], factors: Iterable[Factor], needs: Sequence[Sequence[int]]
    ) -> None:
        self._sizes = [len(domain) for domain in domains]
        self._factors: dict[int, tuple[Factor, Sender | None]] = {}
        """By number, each with what it is the message of."""
        self._added = 0
        self._of: list[set[int]] = [set() for _ in domains]
        """For each choice the numbers of the factors that refer to it."""
        self._needs = [set(own) for own in needs]
        self._dependents = [0] * len(domains)
        """For each choice how many that are left are to be eliminated before it."""
        for own in self._needs:
            for need in own:
                self._dependents[need] += 1
        self._heap: list[tuple[int, int]] = []
        """Widths and choices that can be eliminated; those of an earlier width are passed over."""
        self._widths: dict[int, int] = {}
        for factor in factors:
            self._insert(factor, None)
        self._weigh(range(len(domains)))

    def add(self, factor: Factor, sender: Sender) -> None:
        """Add the message of an eliminated choice."""
        self._insert(factor, sender)
        self._weigh(factor.scope)

    def take_narrowest(self) -> int | None:
        """Remove the choice that ties the fewest combinations together; None where none is left."""
        while self._heap:
            width, choice = heapq.heappop(self._heap)
            if self._widths.get(choice) == width:
                del self._widths[choice]
                for need in self._needs[choice]:
                    self._dependents[need] -= 1
                self._weigh(self._needs[choice])
                return choice
        return None

    def take_factors(self, choice: int) -> list[tuple[Factor, Sender | None]]:
        """Remove the factors that refer to a choice, in the order in which they were added."""
        numbers = sorted(self._of[choice])
        taken = [self._factors.pop(number) for number in numbers]
        for number, (factor, _) in zip(numbers, taken, strict=True):
            for other in factor.scope:
                self._of[other].discard(number)
        self._weigh({other for factor, _ in taken for other in factor.scope if other != choice})
        return taken

    def _insert(self, factor: Factor, sender: Sender | None) -> None:
        self._factors[self._added] = (factor, sender)
        for choice in factor.scope:
            self._of[choice].add(self._added)
        self._added += 1

    def _weigh(self, choices: Iterable[int]) -> None:
        """Note how many combinations there are of all that eliminating each choice would join, where it may be next."""
        for choice in choices:
            if not self._dependents[choice]:
                scopes = (self._factors[number][0].scope for number in self._of[choice])
                width = math.prod(self._sizes[other] for other in {choice}.union(*scopes))
                self._widths[choice] = width
                heapq.heappush(self._heap, (width, choice))
