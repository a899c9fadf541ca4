"""Selective scans over the map, global and within windows (LocalMamba, Huang et al. 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="local_ss2d",
    options=f"{__name__}.options:LocalSS2D",
    title="local scan",
    short_title="local",
    module=f"{__name__}.module:LocalScan2D",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes=f"{__name__}.codes:CODES",
    numbered=False,
    one_size=True,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
