"""The convolutional downsampling in the checkpoints of SparX-Mamba and VMamba."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, normed
from sparx_dsl.kinds.slices import one_block

CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"conv": "0", "norm": "1"}, difference=normed("batch")),
        "vmamba": ReleasedNames({"conv": "1", "norm": "3"}, difference=normed("layer")),
    },
    blocks=one_block,
)
