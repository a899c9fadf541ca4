"""What DMCA is inside, as Figure 3 of SparX shows it."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.diagram import MAP, inputs, mixing, reduced, selection
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow, Operation, Wire


def diagram(options: DMCA, site: Site) -> Flow:
    """The boxes and arrows of the fusion at that site."""
    ratio = options.spatial_reduction(site)
    mixed, result, out = mixing(site, 1.5, 8.3, groups=3) if options.shortcut else mixing(site, 1.5, 7.35, groups=1)
    operations = [
        *inputs(site, 0, 1.5),
        selection(1.5),
        Operation("split", "1×1, GELU", 1.5, 2, gives="2C × N"),
        Operation("key_half", "Yk", 1, 3, "map", MAP),
        Operation("value_half", "Yv", 2, 3, "map", MAP),
        reduced("query", 0, 4.15, ratio),
        reduced("key", 1, 4.15, ratio),
        reduced("value", 2, 4.15, 1),
        Operation("scores", f"Q · Kᵀ, softmax\nin {options.groups} groups", 0.5, 5.35, "product",
                  f"{options.groups} × C/{options.groups} × C/{options.groups}"),
        Operation("attended", "A · V", 1.5, 6.35, "product", f"Z: {MAP}"),
        mixed, result,
    ]  # fmt: skip
    wires = [
        Wire("x", "query"), Wire("features", "selection"), Wire("selection", "split"), Wire("split", "key_half"),
        Wire("split", "value_half"), Wire("key_half", "key"), Wire("value_half", "value"), Wire("query", "scores"),
        Wire("key", "scores"), Wire("scores", "attended"), Wire("value", "attended"), out,
    ]  # fmt: skip
    if not options.shortcut:
        return Flow(tuple(operations), (*wires, Wire("attended", "mixing")))
    # Where nothing is reduced, the query takes the place of the input.
    own = "x" if ratio > 1 else "query"
    operations.append(Operation("concatenation", "concatenate", 1.5, 7.3, gives="3C × N"))
    wires += [Wire(own, "concatenation", -0.62), Wire("attended", "concatenation")]
    wires += [Wire("value", "concatenation", 2.62), Wire("concatenation", "mixing")]
    return Flow(tuple(operations), tuple(wires))
