"""UPerNet: pyramid pooling and a feature pyramid, all levels fused (Xiao et al. 2018)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="head",
    name="upernet",
    options=f"{__name__}.options:UPerNet",
    module=f"{__name__}.module:UPerNetHead",
    cost=f"{__name__}.cost:forward",
)
