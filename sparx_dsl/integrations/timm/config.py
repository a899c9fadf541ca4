"""What timm knows of a model beside its modules: ``default_cfg`` and ``feature_info``."""

from __future__ import annotations

from typing import Any, Final

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import FeatureInfo
from torch import nn

import sparx_dsl
from sparx_dsl import Schedule, Spec

CLASSIFIER: Final = "head.linear"
"""The path of the classifier."""
NO_CLASSES: Final = -1
"""What ``num_classes`` is, as far as timm is concerned, for a head that does not classify."""
COLOURS: Final = 3


def default_config(spec: Spec) -> dict[str, Any]:
    """timm's ``default_cfg`` of a backbone: its images, its last map's size, its classes, names of two of its modules.

    Raises ``SparxError`` for a spec that cannot be planned.
    """
    schedule = sparx_dsl.plan(spec)
    channels = spec.input.channels
    colours = channels == COLOURS
    return {
        "input_size": (channels, *spec.input.size),
        "pool_size": schedule.buffers[schedule.graph.layers()[-1].name].shape[2:],
        "num_classes": num_classes_of(spec),
        "classifier": CLASSIFIER if has_classifier(spec) else None,
        "first_conv": first_convolution(spec),
        "interpolation": "bicubic",
        "mean": IMAGENET_DEFAULT_MEAN if colours else (0.5,) * channels,
        "std": IMAGENET_DEFAULT_STD if colours else (0.5,) * channels,
    }


def has_classifier(spec: Spec) -> bool:
    """Whether the spec's head is a norm, a mean and a linear layer, as those of timm's models are."""
    return spec.head.kind == "linear"


def num_classes_of(spec: Spec) -> int:
    """The classes of a spec's head: 0 without one, and -1, which timm takes for unknown, for a dense prediction."""
    if has_classifier(spec):
        return int(spec.head.model_dump()["classes"])
    return 0 if spec.head.kind == "none" else NO_CLASSES


def first_convolution(spec: Spec) -> str | None:
    """The path of the convolution that is given the images; None where the stem has none."""
    stem = sparx_dsl.build(spec, device="meta", features=(1,)).get_submodule("stem")
    return next((f"stem.{path}" for path, module in stem.named_modules() if isinstance(module, nn.Conv2d)), None)


def feature_info(schedule: Schedule) -> FeatureInfo:
    """timm's value about the maps of all stages that run, by the stage that gives each."""
    wanted = [stage for stage in schedule.features or () if isinstance(stage, int)]
    last = max(wanted, default=len(schedule.graph.spec.stages))
    ends = [schedule.graph.layers(stage)[-1] for stage in range(1, last + 1)]
    info = [
        {"num_chs": end.channels, "reduction": end.stride, "module": end.name.rpartition(".")[0], "index": index}
        for index, end in enumerate(ends)
    ]
    return FeatureInfo(info, tuple(range(last)))
