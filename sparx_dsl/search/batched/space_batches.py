"""What a space does with many points at once: sample them within its bounds, and price them."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from typing import cast

import numpy as np

from sparx_dsl.registry import default_registry
from sparx_dsl.search.batched.batch_pricing import BatchPricer, BatchPrices
from sparx_dsl.search.batched.batch_sampling import BatchSampler
from sparx_dsl.search.batched.point_rows import PointRows, RowCheck, rows_of_points
from sparx_dsl.search.sampling.rejection_sampling import sample_within_bounds
from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.space_model import SpaceModel

LEAST_AT_ONCE, MOST_AT_ONCE = 2**10, 2**17
"""Points that are sampled at once."""
MOST_SAMPLED = 2**20
"""Points that are sampled and priced beyond those wanted, at most; what is missing then is sampled one by one."""


class SpaceBatches:
    """Samples and prices many points of a space; tables are made at the first use."""

    def __init__(self, space: SpaceModel) -> None:
        self._space = space
        self._pricers: dict[int, BatchPricer] = {}

    def prices(self, points: Sequence[Point] | PointRows) -> BatchPrices:
        """Parameters, MACs and peak bytes; see ``Space.prices_of``."""
        rows = points if isinstance(points, np.ndarray) else rows_of_points(self._space, points)
        self._check(rows)
        return self._pricer(rows)

    def sample(self, count: int, seed: int) -> PointRows:
        """See ``Space.sample_many``."""
        space, rng, have, sampled = self._space, np.random.default_rng(seed), 0, 0
        found: list[PointRows] = [np.zeros((0, len(space.choices)), dtype=np.int64)]
        while have < count and space.exact and space.count and sampled < count + MOST_SAMPLED:
            # As many as will do if as many fit as did so far.
            wanted = (count - have) * (sampled + 1) // (have + 1)
            rows = self._sampler(min(max(wanted, LEAST_AT_ONCE), MOST_AT_ONCE), rng)
            sampled += len(rows)
            kept = rows[self._pricer(rows).keeps(space.bounds)] if space.bounds else rows
            found.append(kept[: count - have])
            have += len(found[-1])
        while have < count:
            point = sample_within_bounds(space, random.Random(int(cast("int", rng.integers(2**63 - 1)))))  # noqa: S311
            found.append(rows_of_points(space, [point]))
            have += 1
        return np.concatenate(found)

    @property
    def _pricer(self) -> BatchPricer:
        """The tables of prices, made again when other kinds are registered."""
        revision = default_registry().revision
        if revision not in self._pricers:
            self._pricers = {revision: BatchPricer(self._space)}
        return self._pricers[revision]

    @functools.cached_property
    def _sampler(self) -> BatchSampler:
        return BatchSampler(self._space)

    @functools.cached_property
    def _check(self) -> RowCheck:
        return RowCheck(self._space)
