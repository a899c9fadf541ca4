"""What spatial cross-attention to merged tokens is inside."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.diagram import MAP, inputs, result, strided
from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow, Operation, Wire


def diagram(options: SCA, site: Site) -> Flow:
    """The boxes and arrows of the fusion at that site."""
    ratio, heads = options.merging, options.head_count(site.channels)
    side, few = 2 * ratio - 1, f"/{ratio**2}" if ratio > 1 else ""
    operations = (
        *inputs(site, 0, 1),
        Operation("merging", strided(side, ratio), 1, 1, gives=f"{site.features}C × N{few}"),
        Operation("scale", "× a factor for each Y, norm", 1, 2),
        Operation("own", "1×1: Q, K, V", 0, 3, gives="3C × N"),
        Operation("merged", "1×1: K, V", 1, 3, gives=f"2C × N{few}"),
        Operation("attended", f"softmax(Qᵀ · K) · V, {heads} heads\nto own and merged tokens", 0.5, 4, "product", MAP),
        Operation("attended_projection", "1×1", 0.5, 5),
        Operation("sum", "+", 0.5, 6, "sum"),
        Operation("enhancement", "depthwise 3×3, BatchNorm\n1×1", 0.5, 7),
        result(site, 0.5, 8),
    )
    wires = (
        Wire("x", "own"), Wire("features", "merging"), Wire("merging", "scale"), Wire("scale", "merged"),
        Wire("own", "attended"), Wire("merged", "attended"), Wire("attended", "attended_projection"),
        Wire("attended_projection", "sum"), Wire("x", "sum", -0.62), Wire("sum", "enhancement"),
        Wire("enhancement", "result"),
    )  # fmt: skip
    return Flow(operations, wires)
