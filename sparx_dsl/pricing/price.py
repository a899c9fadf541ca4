"""Parameters and multiply-accumulates of a part of a backbone, in exact integers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Trainable parameters, and multiply-accumulates for one image; buffers of a norm are no parameters.

    A floating-point operation (FLOP) is a product or a sum, so that a MAC is two; the formula of the selective scan is
    one of operations, which the paper's tables take for MACs, so it counts the same in both.
    """

    params: int = 0
    macs: int = 0
    scan_macs: int = 0
    """Those of the MACs that are a selective scan's, whose formula counts operations."""

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: two for each MAC, and one for each of a scan's."""
        return 2 * self.macs - self.scan_macs

    def __add__(self, other: Price) -> Price:
        """Both together."""
        return Price(self.params + other.params, self.macs + other.macs, self.scan_macs + other.scan_macs)

    def __str__(self) -> str:
        return f"{self.params:,} parameters, {self.macs:,} MACs"


ZERO = Price()
"""The price of what only moves, sums or activates."""
