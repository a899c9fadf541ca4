"""The specs of the zoo with their sizes, as text."""

from __future__ import annotations

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.language.spec import Spec, load_spec
from sparx_dsl.language.zoo import ADVICE, list_specs, zoo
from sparx_dsl.pricing import prices
from sparx_dsl.render.text_table import WIDTH, Column, text_table
from sparx_dsl.render.units import decimal_count

COLUMNS = (Column("Name"), Column("Params", True), Column("MACs", True), Column("Size", True), Column("Layers", True),
           Column("Ganglion layers", True))  # fmt: skip


def zoo_table(pattern: str = "*", *, width: int = WIDTH) -> str:
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
    return text_table(COLUMNS, [_row(name, load_spec(zoo()[name])) for name in names], width=width)


def _row(name: str, spec: Spec) -> list[str]:
    price, (height, width) = prices(spec), spec.input.size
    size = str(height) if height == width else f"{height}×{width}"
    depths = "-".join(str(stage.depth) for stage in spec.stages)
    ganglion = sum(len(stage.rule.ganglion) for stage in spec.resolved)
    return [name, decimal_count(price.params), decimal_count(price.macs), size, depths, str(ganglion)]
