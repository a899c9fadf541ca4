"""What a space does with many points at once: draw them within its bounds, and price them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import cast

import numpy as np

from sparx_dsl.registry import default_registry
from sparx_dsl.search.batched.drawing import Sampler
from sparx_dsl.search.batched.pricing import BatchPricer, BatchPrices
from sparx_dsl.search.batched.rows import Picks, RowCheck, rows_of_points
from sparx_dsl.search.space import Space
from sparx_dsl.search.values import Point

LEAST_AT_ONCE, MOST_AT_ONCE = 2**10, 2**17
"""Points that are drawn at once."""
MOST_DRAWN = 2**20
"""Points that are drawn and priced beyond those wanted, at most; what is missing then is drawn one by one."""


class SpaceBatches:
    """Draws and prices many points of a space; tables are made at the first use."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._pricers: dict[int, BatchPricer] = {}

    def prices(self, points: Sequence[Point] | Picks) -> BatchPrices:
        """See ``Space.prices_of``."""
        rows = points if isinstance(points, np.ndarray) else rows_of_points(self._space, points)
        self._check(rows)
        if self._space.exact:
            return self._pricer(rows)
        found = [self._space.prices(self._space.point_at(row)) for row in rows]
        columns = [[one.params for one in found], [one.macs for one in found], [one.peak for one in found]]
        large = any(amount >= 2**63 for column in columns for amount in column)
        params, macs, peak = (np.array(column, dtype=object if large else np.int64) for column in columns)
        return BatchPrices(params, macs, peak)

    def sample(self, count: int, seed: int) -> Picks:
        """See ``Space.sample_many``."""
        rng, have, drawn = np.random.default_rng(seed), 0, 0
        found: list[Picks] = [np.zeros((0, len(self._space.choices)), dtype=np.int64)]
        while have < count and self._space.exact and self._space.count and drawn < count + MOST_DRAWN:
            # As many as will do if as many fit as did so far.
            wanted = (count - have) * (drawn + 1) // (have + 1)
            rows = self._sampler(min(max(wanted, LEAST_AT_ONCE), MOST_AT_ONCE), rng)
            drawn += len(rows)
            kept = rows[self._pricer(rows).keeps(self._space.bounds)] if self._space.bounds else rows
            found.append(kept[: count - have])
            have += len(found[-1])
        while have < count:
            point = self._space.sample(int(cast("int", rng.integers(2**63 - 1))))
            found.append(rows_of_points(self._space, [point]))
            have += 1
        return np.concatenate(found)

    @property
    def _pricer(self) -> BatchPricer:
        """The tables of prices, made anew when other kinds are registered."""
        revision = default_registry().revision
        if revision not in self._pricers:
            self._pricers = {revision: BatchPricer(self._space)}
        return self._pricers[revision]

    @functools.cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self._space)

    @functools.cached_property
    def _check(self) -> RowCheck:
        return RowCheck(self._space)
