"""Semantic FPN: the semantic branch of Panoptic FPN (Kirillov et al. 2019)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="head",
    name="semantic_fpn",
    options=f"{__name__}.options:SemanticFpn",
    module=f"{__name__}.module:SemanticFpnHead",
    cost=f"{__name__}.cost:forward",
)
