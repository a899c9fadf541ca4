"""The classifier in the checkpoints of released models."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames
from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.kinds.slices import one_block


def _pooled_last(options: LinearHead, number: int) -> str | None:
    del number
    return None if options.pool_first else "takes the mean behind its norm, and the released models before"


CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"norm": "classifier.0", "linear": "classifier.3"}),
        "vmamba": ReleasedNames(
            {"norm": "classifier.norm", "linear": "classifier.head"},
            signs=frozenset({"classifier.norm", "classifier.head"}),
        ),
        "swin": ReleasedNames({"norm": "norm", "linear": "head"}),
        "timm": ReleasedNames({"norm": "head.norm", "linear": "head.fc"}, difference=_pooled_last),
        "timm_swin": ReleasedNames({"norm": "norm", "linear": "head.fc"}, signs=frozenset({"head.fc"})),
        "pvt_v2": ReleasedNames({"linear": "head"}),
    },
    class_modules=frozenset({"linear"}),
    blocks=one_block,
)
