"""Convolutional downsampling: a 3×3 convolution of stride 2 and a norm (SparX-Mamba, VMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="downsample",
    name="conv",
    options=f"{__name__}.options:ConvDownsample",
    module=f"{__name__}.module:build",
    inference="sparx_dsl.inference.deployment:IMAGES_APART",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
