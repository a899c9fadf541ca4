"""The image processor of transformers that suits a backbone: as the released models are evaluated."""

from __future__ import annotations

from transformers import BitImageProcessor

from sparx_dsl import Code, Diagnostic, SparxError
from sparx_dsl.integrations.huggingface.configuration import SparxConfig

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROPPED = 0.875
"""The share of a resized image's shorter side that the crop keeps (224 of 256)."""


def image_processor(config: SparxConfig, crop: float = CROPPED) -> BitImageProcessor:
    """A processor of transformers for a configuration's image size: resize, centre crop, ImageNet's mean and deviation.

    The crop is the spec's image size, and has ``crop`` of its shorter side before: 1 crops nothing of a square image.
    Save it beside the model, and ``AutoImageProcessor`` finds it. Raises ``SparxError`` for a spec whose images are not
    RGB, and for a ``crop`` outside (0, 1].
    """
    spec = config.backbone_spec
    if spec.input.channels != len(IMAGENET_MEAN):
        raise _refused(
            f"image processors of transformers give images of 3 channels, and the spec takes {spec.input.channels}",
            "normalize the images of your data by yourself",
        )
    if not 0 < crop <= 1:
        raise _refused(f"crop must be above 0 and at most 1, got {crop}", f"write crop={CROPPED}")
    height, width = spec.input.size
    return BitImageProcessor(
        size={"shortest_edge": round(max(height, width) / crop)},
        crop_size={"height": height, "width": width},
        image_mean=list(IMAGENET_MEAN),
        image_std=list(IMAGENET_STD),
    )


def _refused(message: str, help: str) -> SparxError:
    return SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=help))
