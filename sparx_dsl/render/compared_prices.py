"""Prices of backbones beside each other, with the digits that an ablation is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.language.dtypes import DType
from sparx_dsl.pricing import cost
from sparx_dsl.render.listing import Field, Table
from sparx_dsl.render.units import exact_bytes, exact_count, signed_percent

MEASURES: Final[Mapping[str, str]] = {
    "params": "params", "macs": "MACs", "flops": "FLOPs", "peak_bytes": "peak", "saved_bytes": "saved",
}  # fmt: skip
"""The prices that are compared, and what a heading calls them: for one image, but for bytes, which are the batch's."""
NUMBERS: Final = (
    Field("price", "Price", MEASURES.__getitem__), Field("before", "Before", number=True),
    Field("after", "After", number=True), Field("difference", "Difference", number=True),
    Field("ratio", "", signed_percent, True),
)  # fmt: skip


def totals(
    graph: ConnectionGraph, size: tuple[int, int] | None = None, batch: int = 1, dtype: DType = "float32"
) -> dict[str, int]:
    """What a backbone costs by ``MEASURES``: counts for one image, bytes for the batch; raises what ``cost`` raises."""
    price = cost(graph, size, batch, dtype)
    return {"params": price.params, "macs": price.macs, "flops": price.flops, "peak_bytes": price.peak_bytes,
            "saved_bytes": price.saved_bytes}  # fmt: skip


def shown_amount(measure: str, amount: int) -> str:
    """An amount of a measure with three decimals."""
    return exact_bytes(amount) if measure.endswith("bytes") else exact_count(amount)


def ratio(amount: int, first: int) -> float | None:
    """How much more than the first an amount is, as a part of the first; None of nothing."""
    return (amount - first) / first if first else None


def compared_prices(before: Mapping[str, int], after: Mapping[str, int]) -> Table:
    """A row for each price: both amounts, their difference, and that as a part of the first one."""
    rows = [(name, before[name], after[name], after[name] - before[name], ratio(after[name], before[name]))
            for name in MEASURES]  # fmt: skip
    return Table("prices", NUMBERS, tuple(rows))


def shown_prices(prices: Table) -> Table:
    """The same table with amounts as people read them."""
    rows = [(name, *(_signed(str(name), amount, place == 2) for place, amount in enumerate(amounts)), part)
            for name, *amounts, part in prices.rows]  # fmt: skip
    return Table(prices.name, prices.fields, tuple(rows))


def _signed(measure: str, amount: object, difference: bool) -> str:
    assert isinstance(amount, int), "an amount is an integer"
    text = shown_amount(measure, abs(amount))
    if not difference:
        return text
    return f"{'+' if amount > 0 else '−'}{text}" if amount else "="
