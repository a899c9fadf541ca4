"""Classification head: norm, mean over positions, one linear layer."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="head",
    name="linear",
    options=f"{__name__}.options:LinearHead",
    module=f"{__name__}.module:LinearClassifier",
    inference=f"{__name__}.inference:INFERENCE",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
