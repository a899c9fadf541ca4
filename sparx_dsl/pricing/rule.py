"""The price that a kind's own rule gives, and what it saves: a kind without a rule is a mistake, never free."""

from __future__ import annotations

from typing import Any

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.pricing.price import Price
from sparx_dsl.pricing.saved import Outline, Tape
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


def save_kind(
    role: Role, options: KindOptions, site: Site, tape: Tape, *inputs: Outline, shape: tuple[int, ...]
) -> Outline:
    """Tell the tape what the module of these options' kind saves of its inputs; gives the outline of its result.

    ``shape`` is the result's. Raises ``SparxError`` (SPX407) for a kind without such a rule, and for a rule that gives
    no outline or one of another shape.
    """
    kind = default_registry().of(role, options)
    result: Any = kind.load_saved()(options, site, tape, *inputs)
    if isinstance(result, Outline) and result.shape == shape:
        return result
    found = f"the shape {result.shape}" if isinstance(result, Outline) else type(result).__name__
    rule = f"the rule of the {role} kind {kind.name!r} of {kind.owner} for what it saves"
    help = "return the sparx_dsl.pricing.Outline of what the module gives"
    raise SparxError(Diagnostic("SPX407", f"{rule} gives {found} and no outline of the shape {shape}", help=help))
