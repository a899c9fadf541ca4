"""The block of Mamba-2, a state space dual, over the map's positions in rows (Dao and Gu 2024)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="mixer",
    name="ssd",
    options=f"{__name__}.options:SSD",
    title="SSD",
    module=f"{__name__}.module:StateSpaceDual",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    codes=f"{__name__}.codes:CODES",
    numbered=False,
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
