"""Shifted-window self-attention with a relative position bias (Swin)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="window_attention",
    options=f"{__name__}.options:WindowAttention",
    short_title="window",
    module=f"{__name__}.module:WindowedAttention",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes="sparx_dsl.kinds.mixers.codes:CODES",
    numbered=False,
    one_size=True,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
