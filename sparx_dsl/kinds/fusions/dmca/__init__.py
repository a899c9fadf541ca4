"""Dynamic Multi-layer Channel Aggregator, the paper's fusion (SparX, section 3.1 and equation 1)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="dmca",
    options=f"{__name__}.options:DMCA",
    title="DMCA",
    diagram=f"{__name__}.diagram:diagram",
    module=f"{__name__}.module:ChannelAggregator",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes=f"{__name__}.codes:CODES",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    feature_axes=f"{__name__}.checkpoint:FEATURE_AXES",
)
