"""Bounds on what a backbone costs, and by how much a price exceeds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sparx_dsl.errors import Where
from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing import prices
from sparx_dsl.reader.quantities import show_quantity

MEASURES = {"params": "parameters", "macs": "MACs", "peak": "peak bytes"}
"""What can be bounded, and what a message calls it."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What bounds refer to: parameters, MACs for one image, and the peak of the feature buffers in bytes.

    All for the size that the spec names, a batch of one and float32.
    """

    params: int
    macs: int
    peak: int

    def __str__(self) -> str:
        return ", ".join(f"{_shown(name, price_of(self, name))} {MEASURES[name]}" for name in MEASURES)


@dataclass(frozen=True, slots=True)
class Bound:
    """The least and the most that one measure may be; None for no bound."""

    measure: str
    least: int | None = None
    most: int | None = None
    where: Where = field(default_factory=Where, compare=False, repr=False)

    def excess(self, prices: Prices) -> float:
        """By which part of the bound the price is beyond it; 0 where it is kept."""
        price = price_of(prices, self.measure)
        if self.most is not None and price > self.most:
            return (price - self.most) / max(self.most, 1)
        if self.least is not None and price < self.least:
            return (self.least - price) / max(self.least, 1)
        return 0.0

    def __str__(self) -> str:
        parts = [("at least", self.least), ("at most", self.most)]
        texts = [f"{word} {_shown(self.measure, amount)}" for word, amount in parts if amount is not None]
        return f"{' and '.join(texts)} {MEASURES[self.measure]}"


def budget_bounds(spec: Spec, given: Sequence[Bound]) -> Iterator[Bound]:
    """The budget of a spec as bounds, as far as it is narrower than those given: beyond it a spec is refused."""
    budget = {"params": spec.budget.params, "macs": spec.budget.macs, "peak": spec.budget.peak}
    for measure, most in budget.items():
        if most is None:
            continue
        if not any(bound.measure == measure and bound.most is not None and bound.most <= most for bound in given):
            yield Bound(measure, None, most, spec.where("budget", measure))


def price_spec(spec: Spec) -> Prices:
    """Parameters, MACs and peak bytes of a backbone, exact and without torch; raises what ``prices`` raises."""
    totals = prices(spec)
    return Prices(totals.params, totals.macs, totals.peak_bytes)


def excess(bounds: tuple[Bound, ...], prices: Prices) -> float:
    """The sum of what a price is beyond each bound; 0 where all are kept."""
    return sum(bound.excess(prices) for bound in bounds)


def price_of(prices: Prices, measure: str) -> int:
    """The price of that measure."""
    return {"params": prices.params, "macs": prices.macs, "peak": prices.peak}[measure]


def _shown(measure: str, amount: int) -> str:
    return show_quantity(amount, of_bytes=measure == "peak")
