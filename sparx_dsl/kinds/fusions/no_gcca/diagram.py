"""What the aggregator without its attention is inside."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.diagram import MAP, inputs, reduced, result, selection
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow, Operation, Wire


def diagram(options: NoGcca, site: Site) -> Flow:
    """The boxes and arrows of the fusion at that site."""
    operations = (
        *inputs(site, 0, 1),
        selection(1),
        Operation("gathering", "1×1, GELU", 1, 2, gives=MAP),
        reduced("query", 0, 3, 1),
        reduced("value", 1, 3, 1),
        Operation("concatenation", "concatenate", 0.5, 4, gives="2C × N"),
        Operation("fusion", f"1×1 to {options.ratio}C\ndepthwise 3×3, GELU, 1×1", 0.5, 5),
        result(site, 0.5, 6),
    )
    wires = (
        Wire("x", "query"), Wire("features", "selection"), Wire("selection", "gathering"), Wire("gathering", "value"),
        Wire("query", "concatenation"), Wire("value", "concatenation"), Wire("concatenation", "fusion"),
        Wire("fusion", "result"),
    )  # fmt: skip
    return Flow(operations, wires)
