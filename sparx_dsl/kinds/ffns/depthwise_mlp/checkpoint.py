"""The feed-forward network with a depthwise convolution in the checkpoints of PVTv2, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear
from sparx_dsl.kinds.slices import one_block

_NAMES = {"expansion": "mlp.fc1", "conv": "mlp.dwconv", "contraction": "mlp.fc2"}
CHECKPOINT: Final = KindCheckpoint(
    {"pvt_v2": ReleasedNames(_NAMES, linear("expansion", "contraction"))}, blocks=one_block, last="contraction"
)
