"""Many points sampled at once, uniformly from all of a space: choice by choice, by its bucket tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparx_dsl.search.batched.lookup import Labels
from sparx_dsl.search.batched.point_rows import PointRows, RowTable
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
        rows: PointRows = np.full((count, self._choices), OFF, dtype=np.int64)
        for sampler in self._samplers:
            rows[:, sampler.choice] = sampler(rows, rng.random(count))
        return rows


class _ChoiceSampler:
    """Samples one choice, given those of its context."""

    def __init__(self, space: SpaceModel, bucket: Bucket) -> None:
        self.choice = bucket.choice
        contexts = list(bucket.options)
        shape = len(contexts), max(map(len, bucket.options.values()))
        self._values = np.full(shape, OFF, dtype=np.int64)
        # The last bound stays beyond every number, whatever the rounding.
        self._bounds: NDArray[np.float64] = np.full(shape, 2.0)
        for number, context in enumerate(contexts):
            options, total, before = bucket.options[context], bucket.totals[context], 0
            self._values[number, : len(options)] = [value for value, _ in options]
            for place, (_, ways) in enumerate(options[:-1]):
                before += ways
                self._bounds[number, place] = before / total
        self._contexts = RowTable(space.choices, bucket.context, tuple, Labels(contexts))

    def __call__(self, rows: PointRows, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """A value for each point, from a number in [0, 1) for each."""
        context = self._contexts(rows)
        place = (numbers[:, None] >= self._bounds[context]).sum(axis=1)
        return np.asarray(self._values[context, place])
