"""Many points sampled at once, uniformly from all of a space: choice by choice, by its bucket tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.search.batched.lookup import Labels
from sparx_dsl.search.batched.point_rows import ChoiceColumns, ChoiceTable, PointRows
from sparx_dsl.search.constraints.bucket_elimination import Bucket
from sparx_dsl.search.space.choices import OFF
from sparx_dsl.search.space_model import SpaceModel


class BatchSampler:
    """Samples points of a space whose constraints are all in tables; bounds are ignored.

    Each value is taken with the part of the ways to go on that it has. Parts are doubles, so that probabilities are
    even to 2^-52 of each.
    """

    def __init__(self, space: SpaceModel) -> None:
        self._choices = len(space.choices)
        self._samplers = [_ChoiceSampler(space, bucket) for bucket in space.compiled.buckets.buckets]

    def __call__(self, count: int, rng: np.random.Generator) -> PointRows:
        """That many points, with replacement, shape (count, choices)."""
        columns: ChoiceColumns = np.zeros((self._choices, count), dtype=np.int64)
        for sampler in self._samplers:
            columns[sampler.choice] = sampler(columns, rng.random(count))
        return np.ascontiguousarray(columns.T) + OFF


class _ChoiceSampler:
    """Samples one choice, given those of its context."""

    def __init__(self, space: SpaceModel, bucket: Bucket) -> None:
        self.choice = bucket.choice
        contexts = list(bucket.options)
        shape = len(contexts), max(map(len, bucket.options.values()))
        self._labels = np.zeros(shape, dtype=np.int64)
        # The last bound stays beyond every number, whatever the rounding.
        self._bounds: NDArray[np.float64] = np.full(shape, 2.0)
        for number, context in enumerate(contexts):
            options, total, before = bucket.options[context], bucket.totals[context], 0
            self._labels[number, : len(options)] = [value - OFF for value, _ in options]
            for place, (_, ways) in enumerate(options[:-1]):
                before += ways
                self._bounds[number, place] = before / total
        self._contexts = ChoiceTable(space.choices, bucket.context, tuple, Labels(contexts))

    def __call__(self, columns: ChoiceColumns, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """The choice's column, from a number in [0, 1) for each point."""
        context = self._contexts(columns)
        place = (numbers[:, None] >= self._bounds[context]).sum(axis=1)
        return np.asarray(self._labels[context, place])
