"""Functions of labels, computed once for each combination that is met, then looked up for whole arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
"""The number of each point's label, shape (points,); or shape () where all points have one label."""

MAX_CELLS = 2**22
"""Combinations that a table holds; beyond, those that are met are kept in a dict."""

Value = TypeVar("Value")


class Labels(Generic[Value]):
    """Hashable values, each with a number from 0 in the order in which they are first met."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        for value in values:
            self.number(value)

    def __len__(self) -> int:
        return len(self.values)

    def number(self, value: Value) -> int:
        """The number of a value, a new one where it is new."""
        found = self._numbers.setdefault(value, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


class LookupTable(Generic[Value]):
    """The labels that a function gives for combinations of other labels."""

    def __init__(
        self, inputs: Sequence[Labels[Any]], function: Callable[..., Value], labels: Labels[Value] | None = None
    ) -> None:
        self.labels: Labels[Value] = Labels() if labels is None else labels
        self._inputs = inputs
        self._function = function
        self._cells: Ids = np.full([0] * len(inputs), -1, dtype=np.int64)
        self._met: dict[tuple[int, ...], int] = {}

    def __call__(self, *ids: Ids) -> Ids:
        """The numbers of the function's values at points with these numbers of labels."""
        if not ids:
            return np.asarray(self._value(()), dtype=np.int64)
        sizes = tuple(map(len, self._inputs))
        if math.prod(sizes) > MAX_CELLS:
            return self._sparse(sizes, np.broadcast_arrays(*ids))
        if any(size > known for size, known in zip(sizes, self._cells.shape, strict=True)):
            self._grow(sizes)
        found: Ids = np.asarray(self._cells[ids])
        missing = found < 0
        if missing.any():
            rows = [np.broadcast_to(one, found.shape)[missing] for one in ids]
            for row in _distinct(sizes, rows)[0]:
                self._cells[row] = self._value(row)
            found = np.asarray(self._cells[ids])
        return found

    def _grow(self, sizes: Sequence[int]) -> None:
        cells: Ids = np.full(sizes, -1, dtype=np.int64)
        cells[tuple(slice(size) for size in self._cells.shape)] = self._cells
        self._cells = cells

    def _sparse(self, sizes: tuple[int, ...], ids: Sequence[Ids]) -> Ids:
        rows, places = _distinct(sizes, [one.reshape(-1) for one in ids])
        found: Ids = np.array([self._value(row) for row in rows], dtype=np.int64)
        return found[places].reshape(ids[0].shape)

    def _value(self, row: tuple[int, ...]) -> int:
        if row not in self._met:
            values = (labels.values[number] for labels, number in zip(self._inputs, row, strict=True))
            self._met[row] = self.labels.number(self._function(*values))
        return self._met[row]


def _distinct(sizes: tuple[int, ...], ids: Sequence[Ids]) -> tuple[list[tuple[int, ...]], Ids]:
    """The combinations of numbers below ``sizes`` that there are, and of which of them each point has."""
    if math.prod(sizes) < 2**62:
        codes, places = np.unique(np.ravel_multi_index(tuple(ids), sizes), return_inverse=True)
        rows = np.stack(np.unravel_index(codes, sizes), axis=-1)
    else:
        rows, places = np.unique(np.stack(ids, axis=-1), axis=0, return_inverse=True)
    return [tuple(row) for row in rows.tolist()], np.asarray(places, dtype=np.int64).reshape(-1)


class LabelNumbers(Generic[Value]):
    """One number of each label, or several, for looking up whole arrays; labels may be added after it was made."""

    def __init__(self, labels: Labels[Value], number: Callable[[Value], int | tuple[int, ...]]) -> None:
        self._labels, self._number = labels, number
        self._known: Ids = np.zeros(0, dtype=np.int64)

    def __call__(self, ids: Ids) -> Ids:
        """The numbers at points with these labels, shape (points,), or (points, numbers) where there are several."""
        fresh = self._labels.values[len(self._known) :]
        if fresh:
            more: Ids = np.array([self._number(value) for value in fresh], dtype=np.int64)
            self._known = np.concatenate([self._known, more]) if len(self._known) else more
        return np.asarray(self._known[ids])
