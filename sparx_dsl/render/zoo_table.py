"""The specs of the zoo with their sizes, as a table."""

from __future__ import annotations

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.language.spec import Spec, load_spec
from sparx_dsl.language.zoo import ADVICE, list_specs, zoo
from sparx_dsl.pricing import prices
from sparx_dsl.render.listing import Field, Listing, Table, Value
from sparx_dsl.render.text_table import WIDTH
from sparx_dsl.render.units import exact_count


def _size(size: tuple[int, int]) -> str:
    height, width = size
    return str(height) if height == width else f"{height}×{width}"


def _depths(depths: tuple[int, ...]) -> str:
    return "-".join(map(str, depths))


FIELDS = (
    Field("name", "Name"), Field("params", "Params", exact_count, True), Field("macs", "MACs", exact_count, True),
    Field("size", "Size", _size, True), Field("layers", "Layers", _depths, True),
    Field("ganglion_layers", "Ganglion layers", number=True),
)  # fmt: skip


def zoo_listing(pattern: str = "*") -> Listing:
    """A table of the zoo's specs whose names match a shell pattern (``sparx_*``), from exact prices.

    It has parameters, MACs for one image of the spec's own size, that size in pixels, the layers of each stage, and how
    many of them are ganglion layers. Raises ``SparxError`` (SPX503) where no name matches.
    """
    names = list_specs(pattern)
    if not names:
        within = f"*{pattern}*"
        guess = f'did you mean "{within}"?' if list_specs(within) else did_you_mean(pattern, zoo())
        message = f'no name of the zoo matches "{pattern}"'
        raise SparxError(Diagnostic(Code.UNKNOWN_SPEC, message, help=guess or ADVICE))
    table = Table("specs", FIELDS, tuple(_row(name, load_spec(zoo()[name])) for name in names))
    return Listing("sparx.list", {}, (table,), (table,))


def zoo_table(pattern: str = "*", *, width: int = WIDTH) -> str:
    """The text of ``zoo_listing`` at ``width`` characters; raises what that raises."""
    return zoo_listing(pattern).as_text(width)


def _row(name: str, spec: Spec) -> tuple[Value, ...]:
    price = prices(spec)
    depths = tuple(stage.depth for stage in spec.stages)
    return (name, price.params, price.macs, spec.input.size, depths,
            sum(len(stage.rule.ganglion) for stage in spec.resolved))  # fmt: skip
