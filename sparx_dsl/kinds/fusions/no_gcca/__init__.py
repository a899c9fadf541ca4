"""The aggregator without its attention (SparX, section 4.4, "w/o GCCA")."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="no_gcca",
    options=f"{__name__}.options:NoGcca",
    title="aggregator without GCCA",
    diagram=f"{__name__}.diagram:diagram",
    module=f"{__name__}.module:QueryValueFusion",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    feature_axes=f"{__name__}.checkpoint:FEATURE_AXES",
)
