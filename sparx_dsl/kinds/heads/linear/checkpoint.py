"""The classifier in the checkpoints of released models."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames
from sparx_dsl.kinds.slices import one_block

CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"norm": "classifier.0", "linear": "classifier.3"}),
        "vmamba": ReleasedNames(
            {"norm": "classifier.norm", "linear": "classifier.head"},
            signs=frozenset({"classifier.norm", "classifier.head"}),
        ),
        "swin": ReleasedNames({"norm": "norm", "linear": "head"}),
    },
    class_modules=frozenset({"linear"}),
    blocks=one_block,
)
