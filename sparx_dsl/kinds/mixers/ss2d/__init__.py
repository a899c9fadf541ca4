"""SS2D: a selective scan over the map in four directions (VMamba)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="ss2d",
    options=f"{__name__}.options:SS2D",
    title="SS2D",
    module=f"{__name__}.module:SelectiveScan2D",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes=f"{__name__}.codes:CODES",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
