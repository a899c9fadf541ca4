"""Points as rows of an array, and functions of few choices for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.errors import SparxError
from sparx_dsl.search.batched.lookup import Ids, Labels, LookupTable
from sparx_dsl.search.space.choices import OFF, Choice, Point
from sparx_dsl.search.space_model import SpaceModel

PointRows = NDArray[np.int64]
"""Points as rows of numbers, shape (points, choices): of each choice the number of its value, or ``OFF``."""
ChoiceColumns = NDArray[np.int64]
"""The same by choices, shape (choices, points), contiguous, and one more: 0 stands for ``OFF``."""
CHUNK = 16_384
"""Points that are worked on together, so that the arrays stay in the caches."""

Value = TypeVar("Value")


def chunks(rows: PointRows) -> Iterator[tuple[slice, ChoiceColumns]]:
    """The columns of at most ``CHUNK`` rows each, and which rows they are."""
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        yield part, np.ascontiguousarray(rows[part].T, dtype=np.int64) - OFF


class ChoiceTable(Generic[Value]):
    """The labels that a function of the values of the choices in ``scope`` gives for many points."""

    def __init__(
        self,
        choices: Sequence[Choice],
        scope: tuple[int, ...],
        function: Callable[[tuple[int, ...]], Value],
        labels: Labels[Value] | None = None,
    ) -> None:
        values = [Labels(range(OFF, len(choices[choice].alternatives))) for choice in scope]
        self._table = LookupTable(values, lambda *row: function(row), labels)
        self._scope = scope

    @property
    def labels(self) -> Labels[Value]:
        """The function's values."""
        return self._table.labels

    def __call__(self, columns: ChoiceColumns) -> Ids:
        """The labels, shape (points,), or () where the function depends on no choice."""
        return self._table(*(columns[choice] for choice in self._scope))


def rows_of_points(space: SpaceModel, points: Sequence[Point]) -> PointRows:
    """One row for each point; raises ``SparxError`` (SPX741) for choices that the space does not have."""
    names = [choice.name for choice in space.choices]
    known = set(names)
    unknown = next((point for point in points if not known.issuperset(point.picks)), None)
    if unknown is not None:
        raise SparxError(space.no_point(str(unknown)))
    rows = [[point.picks.get(name, OFF) for name in names] for point in points]
    return np.array(rows, dtype=np.int64).reshape(len(points), len(names))


class RowCheck:
    """Refuses rows that are no points of a space, as far as its factors say."""

    def __init__(self, space: SpaceModel) -> None:
        self._space = space
        self._sizes = np.array([len(choice.alternatives) for choice in space.choices], dtype=np.int64)
        # The numbers of no and yes are 0 and 1.
        self._factors = [
            ChoiceTable(space.choices, factor.scope, factor.rows.__contains__, Labels([False, True]))
            for factor in space.compiled.factors
        ]

    def __call__(self, rows: PointRows) -> None:
        """Raise ``SparxError`` (SPX741) where a row is no point, and ``ValueError`` for an array of another shape."""
        count = len(self._space.choices)
        if rows.ndim != 2 or rows.shape[1] != count or not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"rows of {count} integers are points of {self._space.name}, not {rows.shape}")
        good: NDArray[np.bool_] = np.asarray(((rows >= OFF) & (rows < self._sizes)).all(axis=1))
        self._refuse(rows, good)
        for part, columns in chunks(rows):
            for factor in self._factors:
                good[part] &= factor(columns) > 0
        self._refuse(rows, good)

    def _refuse(self, rows: PointRows, good: NDArray[np.bool_]) -> None:
        if not good.all():
            row = rows[int(np.flatnonzero(~good)[0])]
            values = zip((choice.name for choice in self._space.choices), row, strict=True)
            text = ", ".join(f"{name} = #{number + 1}" for name, number in values if number != OFF)
            raise SparxError(self._space.no_point(text))
