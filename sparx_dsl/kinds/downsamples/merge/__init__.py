"""Patch merging: 2×2 positions concatenated, a norm, a linear layer (Swin)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="downsample",
    name="merge",
    options=f"{__name__}.options:MergeDownsample",
    module=f"{__name__}.module:PatchMerging",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
