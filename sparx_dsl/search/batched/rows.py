"""Points as rows of an array, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.search.batched.tables import Labels, Table
from sparx_dsl.search.counting import Table as Rows
from sparx_dsl.search.space import Space
from sparx_dsl.search.values import OFF, Point

Picks = NDArray[np.int64]
"""Points as rows of numbers, shape (points, choices): of each choice the number of its value, or ``OFF``."""


def rows_of_points(space: Space, points: Sequence[Point]) -> Picks:
    """One row for each point; raises ``SparxError`` (SPX741) for choices that the space does not have."""
    names = [choice.name for choice in space.choices]
    known = set(names)
    strange = next((point for point in points if not known.issuperset(point.picks)), None)
    if strange is not None:
        raise SparxError(Diagnostic("SPX741", f"this is no point of the space {space.name}: {strange}"))
    rows = [[point.picks.get(name, OFF) for name in names] for point in points]
    return np.array(rows, dtype=np.int64).reshape(len(points), len(names))


class RowCheck:
    """Says which rows are points of a space, as far as its tables tell."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._choices = [Labels[Hashable](range(-1, len(choice.alternatives))) for choice in space.choices]
        self._tables = [
            (table.scope, Table([self._choices[choice] for choice in table.scope], _holds(table), _answers()))
            for table in space.compiled.tables
        ]

    def __call__(self, picks: Picks) -> None:
        """Raise ``SparxError`` (SPX741) where a row is no point, and ``ValueError`` for an array of another shape."""
        count = len(self._space.choices)
        if picks.ndim != 2 or picks.shape[1] != count or not np.issubdtype(picks.dtype, np.integer):
            raise ValueError(f"rows of {count} whole numbers are points of {self._space.name}, not {picks.shape}")
        sizes = np.array([len(choice.alternatives) for choice in self._space.choices], dtype=np.int64)
        good: NDArray[np.bool_] = np.asarray(((picks >= OFF) & (picks < sizes)).all(axis=1))
        self._refuse(picks, good)
        for scope, table in self._tables:
            if scope:
                np.logical_and(good, table(*(picks[:, choice] + 1 for choice in scope)) > 0, out=good)
        self._refuse(picks, good)

    def _refuse(self, picks: Picks, good: NDArray[np.bool_]) -> None:
        if not good.all():
            row = picks[int(np.flatnonzero(~good)[0])]
            values = zip((choice.name for choice in self._space.choices), row, strict=True)
            told = ", ".join(f"{name} = #{number + 1}" for name, number in values if number != OFF)
            raise SparxError(Diagnostic("SPX741", f"this is no point of the space {self._space.name}: {told}"))


def _answers() -> Labels[Hashable]:
    """No and yes, so that their numbers are 0 and 1."""
    return Labels([False, True])


def _holds(table: Rows) -> Callable[..., Hashable]:
    def holds(*row: Hashable) -> Hashable:
        return cast("tuple[int, ...]", row) in table.rows

    return holds
