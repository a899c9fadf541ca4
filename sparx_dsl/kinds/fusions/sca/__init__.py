"""FcaFormer's spatial cross-attention as a fusion (SparX, section 4.4, "SCA")."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="fusion",
    name="sca",
    options=f"{__name__}.options:SCA",
    title="SCA",
    diagram=f"{__name__}.diagram:diagram",
    module=f"{__name__}.module:TokenCrossAttention",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes="sparx_dsl.kinds.fusions.codes:HEADED",
    numbered=False,
    feature_axes=f"{__name__}.checkpoint:FEATURE_AXES",
)
