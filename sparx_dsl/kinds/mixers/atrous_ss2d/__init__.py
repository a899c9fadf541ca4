"""Selective scans over every other row and column, beside a convolution (EfficientVMamba, Pei et al. 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="atrous_ss2d",
    options=f"{__name__}.options:AtrousSS2D",
    title="atrous scan",
    short_title="atrous",
    module=f"{__name__}.module:AtrousScan2D",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    one_size=True,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
