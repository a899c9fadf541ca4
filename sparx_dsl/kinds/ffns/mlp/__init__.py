"""Plain feed-forward network: two linear layers with GELU between (Swin, VMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="ffn",
    name="mlp",
    options=f"{__name__}.options:Mlp",
    module=f"{__name__}.module:PointwiseFfn",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
