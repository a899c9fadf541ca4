"""Sums over the parts of many backbones, in 64 bits, with a mark where those might not do."""

from __future__ import annotations

import numpy as np

from sparx_dsl.pricing.price import Price
from sparx_dsl.search.batched.lookup import Ids

MOST = 2**50
"""The largest amount that is summed in 64 bits: a backbone has less than 2^11 parts, and an element at most 8 bytes."""
PARAMS, MACS, BEYOND = range(3)
"""The columns of a row of amounts."""


def amounts_of(price: Price) -> tuple[int, int, int]:
    """Parameters, MACs, and whether they are beyond ``MOST``; zeros then."""
    return (price.params, price.macs, 0) if max(price.params, price.macs) <= MOST else (0, 0, 1)


class Sums:
    """Amounts of many backbones, shape (points, 3), and the most elements that each of them holds, shape (points,)."""

    def __init__(self, points: int) -> None:
        self.amounts: Ids = np.zeros((points, 3), dtype=np.int64)
        self.peak: Ids = np.zeros(points, dtype=np.int64)

    def add(self, amounts: Ids) -> None:
        """Add amounts, shape (points, 3), or (3,) where they are the same for all points."""
        self.amounts += amounts

    def hold(self, elements: Ids) -> None:
        """Take note that this much is held at once."""
        np.maximum(self.peak, elements, out=self.peak)
