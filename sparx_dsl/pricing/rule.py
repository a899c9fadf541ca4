"""The price that a kind's own rule gives: a kind without a rule is a mistake, never free."""

from __future__ import annotations

from typing import Any

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.pricing.price import Price
from sparx_dsl.spec.kinds import KindRegistry, Role, default_registry
from sparx_dsl.spec.options.base import KindOptions, Site


def price_kind(
    role: Role, options: KindOptions, site: Site, height: int, width: int, registry: KindRegistry | None = None
) -> Price:
    """What the rule of these options' kind says of them at a site, for a map (or image) of that size that goes in.

    Raises ``SparxError`` (SPX406) for a kind without a rule, and for a rule that gives no price.
    """
    kind = (registry or default_registry()).of(role, options)
    price: Any = kind.load_price()(options, site, height, width)
    if not isinstance(price, Price):
        rule = f"the price rule of the {role} kind {kind.name!r} of {kind.owner}"
        message = f"{rule} gives {type(price).__name__}, which is no Price"
        raise SparxError(Diagnostic("SPX406", message, help="return a sparx_dsl.pricing.Price"))
    return price
