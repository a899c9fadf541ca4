"""Sums over the parts of many backbones, in 64 bits, with a mark where those might not do."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from sparx_dsl.pricing.price import Price
from sparx_dsl.search.batched.tables import Ids, Labels

MOST = 2**50
"""The largest amount that is summed in 64 bits: a backbone has less than 2^11 parts, and an element at most 8 bytes."""
PARAMS, MACS, BEYOND = range(3)
"""The columns of a row of amounts."""


class PricedLabels:
    """Rows of amounts for labels that have a price."""

    def __init__(self, labels: Labels[Hashable], price: Callable[[Hashable], Price]) -> None:
        self._labels, self._price = labels, price
        self._known: Ids = np.zeros((0, 3), dtype=np.int64)

    def rows(self, ids: Ids) -> Ids:
        """The amounts at points with these labels, shape (points, 3), or (3,) where all points have one label."""
        fresh = self._labels.values[len(self._known) :]
        if fresh:
            more: Ids = np.array([_row(self._price(value)) for value in fresh], dtype=np.int64)
            self._known = np.concatenate([self._known, more])
        return np.asarray(self._known[ids])


def _row(price: Price) -> tuple[int, int, int]:
    """Parameters, MACs, and whether they are beyond; zeros then."""
    return (price.params, price.macs, 0) if max(price.params, price.macs) <= MOST else (0, 0, 1)


class Sums:
    """Amounts of many backbones, shape (points, 3), and the most numbers that each of them holds, shape (points,)."""

    def __init__(self, points: int) -> None:
        self.amounts: Ids = np.zeros((points, 3), dtype=np.int64)
        self.peak: Ids = np.zeros(points, dtype=np.int64)

    def add(self, priced: PricedLabels, ids: Ids) -> None:
        """Add what the labels at each point cost."""
        self.amounts += priced.rows(ids)

    def hold(self, numbers: Ids) -> None:
        """Take note that this much is held at once."""
        np.maximum(self.peak, numbers, out=self.peak)

    def column(self, amount: int) -> Ids:
        """One of the amounts, shape (points,)."""
        return self.amounts[:, amount]
