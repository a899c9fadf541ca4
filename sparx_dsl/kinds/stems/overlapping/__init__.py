"""Stem of patches that overlap: one strided convolution and a norm (PVTv2, Wang et al. 2022)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="stem",
    name="overlapping",
    options=f"{__name__}.options:OverlappingStem",
    module=f"{__name__}.module:build",
    inference="sparx_dsl.inference.deployment:IMAGES_APART",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
