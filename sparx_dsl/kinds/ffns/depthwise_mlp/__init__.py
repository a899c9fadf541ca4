"""Feed-forward network with a depthwise convolution between its products (PVTv2, Wang et al. 2022)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="ffn",
    name="depthwise_mlp",
    options=f"{__name__}.options:DepthwiseMlp",
    title="depthwise MLP",
    short_title="dw MLP",
    module=f"{__name__}.module:DepthwiseFfn",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
