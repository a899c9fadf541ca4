"""The depthwise mixer in the checkpoints of ConvNeXt, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear
from sparx_dsl.kinds.slices import one_block

_NAMES = {
    "mixer.conv": "conv_dw",
    "mixer.norm": "norm",
    "mixer.expansion": "mlp.fc1",
    "mixer.contraction": "mlp.fc2",
}
CHECKPOINT: Final = KindCheckpoint(
    {"timm": ReleasedNames(_NAMES, linear("mixer.expansion", "mixer.contraction"), signs=frozenset({"conv_dw"}))},
    blocks=one_block,
    last="mixer.contraction",
)
