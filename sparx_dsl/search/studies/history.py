"""What a worker knows of the trials of a study, kept up as attempts end: a next trial takes no look at all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.studies.attempts import Attempt
from sparx_dsl.search.studies.store import Store

TRIED = ("complete", "pruned", "running")
"""The states of attempts whose point need not be tried again."""


class History:
    """The trials that are taken, free, and have lost workers; ``update`` reads the study."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.recent: list[Attempt] = []
        """The attempts that can still change, and those after them."""
        self._known = 0
        """So many of the settled attempts are counted in what follows."""
        self._taken: set[int] = set()
        self._crashes: Counter[int] = Counter()
        self._points: set[Point] = set()
        self._first = 0
        """No trial before this one is free."""

    def update(self) -> None:
        """Read what has changed; raises ``SparxError`` (SPX752)."""
        self.recent = self._store.recent()
        settled = self._store.settled[self._known :]
        self._known += len(settled)
        self._taken |= _taken(settled)
        self._crashes += crashes_of(settled)
        self._points |= _points(settled)

    @property
    def crashes(self) -> Counter[int]:
        """For each trial how many workers died with it."""
        return self._crashes + crashes_of(self.recent)

    def free(self, trials: int) -> int | None:
        """The free trial of the lowest number, those that lost a worker last; None where all are taken."""
        taken, crashes = _taken(self.recent), self.crashes
        while self._first in self._taken:
            self._first += 1
        for number in range(self._first, trials):
            if number not in self._taken and number not in taken and not crashes[number]:
                return number
        lost = ((count, number) for number, count in crashes.items() if number < trials)
        return min((one for one in lost if one[1] not in self._taken | taken), default=(0, None))[1]

    def is_running(self, trials: int) -> bool:
        """Whether one of so many trials is running."""
        return any(one.record.state == "running" and one.record.number < trials for one in self.recent)

    def __contains__(self, point: Point) -> bool:
        """Whether the point was tried."""
        return point in self._points or point in _points(self.recent)


def crashes_of(attempts: Iterable[Attempt]) -> Counter[int]:
    """For each trial how many workers died with it."""
    return Counter(one.record.number for one in attempts if one.died)


def _taken(attempts: Iterable[Attempt]) -> set[int]:
    """The trials that are running or have ended."""
    return {one.record.number for one in attempts if one.record.state != "lost"}


def _points(attempts: Iterable[Attempt]) -> set[Point]:
    records = (one.record for one in attempts if one.record.state in TRIED)
    return {record.point for record in records if record.point is not None}
