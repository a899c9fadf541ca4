"""SSM: the vanilla Mamba block over the map's positions in rows (Gu and Dao 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="ssm",
    options=f"{__name__}.options:SSM",
    title="SSM",
    module=f"{__name__}.module:build",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint="sparx_dsl.kinds.mixers.sequence_blocks:CHECKPOINT",
)
