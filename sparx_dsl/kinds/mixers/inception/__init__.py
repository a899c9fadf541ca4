"""Depthwise convolutions of three shapes, each on some of the channels, and an MLP (InceptionNeXt, Yu et al. 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="inception",
    options=f"{__name__}.options:InceptionBlock",
    short_title="incept.",
    module=f"{__name__}.module:InceptionMixer",
    cost=f"{__name__}.cost:forward",
    inference=f"{__name__}.inference:INFERENCE",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    codes=f"{__name__}.codes:CODES",
)
