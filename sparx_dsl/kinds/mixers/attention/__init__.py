"""Self-attention of every position to every other (Vaswani et al. 2017; ViT, Dosovitskiy et al. 2021)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="attention",
    options=f"{__name__}.options:AttentionMixer",
    short_title="attn",
    module=f"{__name__}.module:GlobalAttention",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes="sparx_dsl.kinds.mixers.codes:CODES",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
