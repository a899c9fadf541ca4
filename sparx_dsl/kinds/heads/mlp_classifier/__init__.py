"""Classification head with a hidden layer: mean over positions, linear, GELU, norm, linear (InceptionNeXt)."""

from sparx_dsl.kind import Kind

KIND = Kind(
    role="head",
    name="mlp_classifier",
    options=f"{__name__}.options:MlpClassifierHead",
    title="MLP classifier",
    module=f"{__name__}.module:MlpClassifier",
    inference="sparx_dsl.inference.deployment:IMAGES_APART",
    cost=f"{__name__}.cost:forward",
    checkpoint=f"{__name__}.checkpoint:CHECKPOINT",
)
