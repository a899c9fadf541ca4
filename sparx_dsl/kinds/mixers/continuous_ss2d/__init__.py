"""Selective scans along paths without jumps, which know their directions (PlainMamba, Yang et al. 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="continuous_ss2d",
    options=f"{__name__}.options:ContinuousSS2D",
    title="continuous scan",
    short_title="continuous",
    module=f"{__name__}.module:ContinuousScan2D",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    one_size=True,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
