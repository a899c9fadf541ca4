"""Convolutional downsampling: a strided convolution and a norm (SparX-Mamba, VMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="downsample",
    name="conv",
    options=f"{__name__}.options:ConvDownsample",
    module=f"{__name__}.module:build",
    inference="sparx_dsl.inference.deployment:IMAGES_APART",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    codes=f"{__name__}.codes:CODES",
)
