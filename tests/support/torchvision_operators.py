"""torchvision beside a torch that its compiled operators do not match."""

from __future__ import annotations

import importlib
import sys
from functools import cache

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""The operators that torchvision describes on import, and that exist only where its compiled library was loaded."""


@cache
def import_torchvision() -> torch.library.Library | None:
    """Import torchvision, with these operators declared where they are missing; they stay as long as the result."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in SCHEMAS:
            library.define(schema)
        importlib.import_module("torchvision")
        return library
    return None
