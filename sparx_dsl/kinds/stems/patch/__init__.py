"""Patch stem: one convolution over patches that do not overlap (Swin)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="stem",
    name="patch",
    options=f"{__name__}.options:PatchStem",
    module=f"{__name__}.module:PatchEmbedding",
    inference="sparx_dsl.inference.deployment:IMAGES_APART",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
