"""The classifier with a hidden layer in the checkpoints of InceptionNeXt, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames
from sparx_dsl.kinds.slices import one_block

_NAMES = {"expansion": "head.fc1", "norm": "head.norm", "linear": "head.fc2"}
CHECKPOINT: Final = KindCheckpoint(
    {"inception_next": ReleasedNames(_NAMES)}, class_modules=frozenset({"linear"}), blocks=one_block
)
