"""Parameters and multiply-accumulates of a part of a backbone, and the totals of a whole one, in exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sparx_dsl.errors import Code, Diagnostic, SparxError

Convention = Literal["paper", "fvcore"]
"""How multiply-accumulates are counted; see ``pricing.tape.amounts``."""
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


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
    fvcore_macs: int = 0
    """What fvcore counts of the same operations for one image: MACs, and operations of norms and of resizing."""

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: two for each MAC, and one for each of a scan's."""
        return 2 * self.macs - self.scan_macs

    def __add__(self, other: Price) -> Price:
        """Both together."""
        return self.plus(other, 1)

    def plus(self, other: Price, times: int) -> Price:
        """This price and that many of the other."""
        return Price(
            self.params + other.params * times, self.macs + other.macs * times,
            self.scan_macs + other.scan_macs * times, self.fvcore_macs + other.fvcore_macs * times,
        )  # fmt: skip

    def macs_by(self, convention: Convention) -> int:
        """The multiply-accumulates for one image as that convention counts them."""
        return self.fvcore_macs if convention == "fvcore" else self.macs

    def __str__(self) -> str:
        return f"{self.params:,} parameters, {self.macs:,} MACs"


ZERO = Price()
"""The price of what only moves, sums or activates."""


def checked_convention(convention: str) -> Convention:
    """The convention of that name; raises ``SparxError`` (SPX414) for an unknown one."""
    for known in CONVENTIONS:
        if convention == known:
            return known
    message = f"unknown convention {convention!r} for counting MACs"
    raise SparxError(Diagnostic(Code.UNKNOWN_CONVENTION, message, help=f"write one of {', '.join(CONVENTIONS)}"))


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a ``Cost``, and its peak: MACs and FLOPs are for one image, bytes for a batch and a dtype."""

    params: int
    macs: int
    flops: int
    peak_bytes: int
    traffic_bytes: int
