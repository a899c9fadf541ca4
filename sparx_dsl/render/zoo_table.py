"""The specs of the zoo with their sizes, as text."""

from __future__ import annotations

from collections.abc import Mapping

from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing import prices
from sparx_dsl.render.text_table import WIDTH, Column, text_table
from sparx_dsl.render.units import decimal_count

COLUMNS = (Column("Name"), Column("Params", True), Column("MACs", True), Column("Size", True), Column("Layers", True),
           Column("Ganglion layers", True))  # fmt: skip


def zoo_table(specs: Mapping[str, Spec], *, width: int = WIDTH) -> str:
    """Parameters, MACs for one image of the spec's own size, and layers by stage of every spec, under its name.

    Layers that are ganglion layers are counted in a column of their own.
    """
    return text_table(COLUMNS, [_row(name, spec) for name, spec in specs.items()], width=width)


def _row(name: str, spec: Spec) -> list[str]:
    price, (height, width) = prices(spec), spec.input.size
    size = str(height) if height == width else f"{height}×{width}"
    depths = "-".join(str(stage.depth) for stage in spec.stages)
    ganglion = sum(len(stage.rule.ganglion) for stage in spec.resolved)
    return [name, decimal_count(price.params), decimal_count(price.macs), size, depths, str(ganglion)]
