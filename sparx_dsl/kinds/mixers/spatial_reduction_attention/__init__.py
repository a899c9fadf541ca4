"""Self-attention to a map that is made smaller first (PVTv2, Wang et al. 2022)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="spatial_reduction_attention",
    options=f"{__name__}.options:SpatialReductionAttention",
    short_title="reduced",
    module=f"{__name__}.module:build",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes="sparx_dsl.kinds.mixers.codes:CODES",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
