"""Concatenation fused by a Conv-FFN (SparX, section 4.4, "Concat")."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="concat",
    options=f"{__name__}.options:ConcatFusion",
    title="concatenation",
    short_title="concat",
    diagram=f"{__name__}.diagram:diagram",
    module=f"{__name__}.module:build",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
    feature_axes=f"{__name__}.checkpoint:FEATURE_AXES",
)
