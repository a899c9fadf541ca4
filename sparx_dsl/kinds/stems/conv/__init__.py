"""Convolutional stem: 3×3 convolutions, two of stride 2 (SparX-Mamba, VMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="stem",
    name="conv",
    options=f"{__name__}.options:ConvStem",
    module=f"{__name__}.module:ConvolutionalStem",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes=f"{__name__}.codes:CODES",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
