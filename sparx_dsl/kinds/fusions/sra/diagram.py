"""What the aggregator with spatial-reduction attention is inside."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.diagram import MAP, inputs, mixing, reduced, selection
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow, Operation, Wire


def diagram(options: SRA, site: Site) -> Flow:
    """The boxes and arrows of the fusion at that site."""
    ratio, heads = options.spatial_reduction(site), options.head_count(site.channels)
    mixed, result, out = mixing(site, 1.5, 7.35, groups=3)
    operations = (
        *inputs(site, 0, 1.5),
        selection(1.5),
        Operation("split", "1×1, GELU", 1.5, 2, gives="2C × N"),
        Operation("key_half", "Yk", 1, 3, "map", MAP),
        Operation("value_half", "Yv", 2, 3, "map", MAP),
        reduced("query", 0, 4.15, 1),
        reduced("key", 1, 4.15, ratio),
        reduced("value", 2, 4.15, ratio),
        Operation("attended", f"softmax(Qᵀ · K) · V\n{heads} heads", 1, 5.35, "product", f"Z: {MAP}"),
        Operation("concatenation", "concatenate", 1.5, 6.35, gives="3C × N"),
        mixed, result,
    )  # fmt: skip
    wires = (
        Wire("x", "query"), Wire("features", "selection"), Wire("selection", "split"), Wire("split", "key_half"),
        Wire("split", "value_half"), Wire("key_half", "key"), Wire("value_half", "value"), Wire("query", "attended"),
        Wire("key", "attended"), Wire("value", "attended"), Wire("x", "concatenation", -0.62),
        Wire("attended", "concatenation"), Wire("value_half", "concatenation", 2.62),
        Wire("concatenation", "mixing"), out,
    )  # fmt: skip
    return Flow(operations, wires)
