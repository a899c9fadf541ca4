"""The inverted residual block with squeeze-and-excitation (MobileNetV3, Howard et al. 2019; EfficientVMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="inverted_residual",
    options=f"{__name__}.options:InvertedResidual",
    short_title="inverted",
    module=f"{__name__}.module:InvertedResidualMixer",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
