"""Bi-SSM: Vim's bidirectional Mamba block, version 2 (Zhu et al. 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="bi_ssm",
    options=f"{__name__}.options:BiSSM",
    title="Bi-SSM",
    module=f"{__name__}.module:build",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    numbered=False,
    checkpoint="sparx_dsl.kinds.mixers.sequence_blocks:CHECKPOINT",
)
