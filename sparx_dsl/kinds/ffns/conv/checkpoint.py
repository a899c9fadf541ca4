"""The convolutional feed-forward network in the checkpoints of SparX-Mamba."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames
from sparx_dsl.kinds.slices import one_block

_NAMES = {"expansion": "mlp.fc1", "conv": "mlp.dwconv", "contraction": "mlp.fc2"}
CHECKPOINT: Final = KindCheckpoint(
    {"sparx_mamba": ReleasedNames(_NAMES, signs=frozenset({"mlp.dwconv"}))}, blocks=one_block, last="contraction"
)
