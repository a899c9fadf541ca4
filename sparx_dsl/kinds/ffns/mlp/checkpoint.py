"""The pointwise feed-forward network in the checkpoints of VMamba and Swin."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear
from sparx_dsl.kinds.slices import one_block

_NAMES = ReleasedNames({"expansion": "mlp.fc1", "contraction": "mlp.fc2"}, linear("expansion", "contraction"))
CHECKPOINT: Final = KindCheckpoint(
    {"vmamba": _NAMES, "swin": _NAMES, "timm_swin": _NAMES}, blocks=one_block, last="contraction"
)
