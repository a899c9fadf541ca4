"""What the concatenating fusion is inside."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.diagram import inputs, result
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow, Operation, Wire


def diagram(options: ConcatFusion, site: Site) -> Flow:
    """The boxes and arrows of the fusion at that site."""
    operations = (
        *inputs(site, 0, 1),
        Operation("concatenation", "concatenate", 0.5, 1, gives=f"{site.features + 1}C × N"),
        Operation("expansion", f"1×1 to {options.ratio}C", 0.5, 2, gives=f"{options.ratio}C × N"),
        Operation("conv", "depthwise 3×3, GELU", 0.5, 3),
        Operation("projection", "1×1", 0.5, 4),
        result(site, 0.5, 5),
    )
    wires = (
        Wire("x", "concatenation"), Wire("features", "concatenation"), Wire("concatenation", "expansion"),
        Wire("expansion", "conv"), Wire("conv", "projection"), Wire("projection", "result"),
    )  # fmt: skip
    return Flow(operations, wires)
