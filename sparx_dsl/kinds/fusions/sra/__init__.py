"""The aggregator with spatial-reduction attention (SparX, section 4.4, "SRA")."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="sra",
    options=f"{__name__}.options:SRA",
    title="SRA",
    diagram=f"{__name__}.diagram:diagram",
    module=f"{__name__}.module:SpatialAggregator",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes="sparx_dsl.kinds.fusions.codes:HEADED",
    numbered=False,
    feature_axes=f"{__name__}.checkpoint:FEATURE_AXES",
)
