"""A depthwise convolution and an MLP under one residual (ConvNeXt, Liu et al. 2022)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="depthwise",
    options=f"{__name__}.options:DepthwiseBlock",
    title="depthwise",
    short_title="dw conv",
    module=f"{__name__}.module:DepthwiseMixer",
    cost=f"{__name__}.cost:forward",
    inference=f"{__name__}.inference:INFERENCE",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    codes=f"{__name__}.codes:CODES",
)
