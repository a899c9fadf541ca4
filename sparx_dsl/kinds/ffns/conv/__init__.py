"""Feed-forward network with a residual depthwise convolution (SparX-Mamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="ffn",
    name="conv",
    options=f"{__name__}.options:ConvFfn",
    module=f"{__name__}.module:ConvolutionalFfn",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
