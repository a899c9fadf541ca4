"""The stem of patches that overlap in the checkpoints of PVTv2, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, normed
from sparx_dsl.kinds.slices import one_block
from sparx_dsl.kinds.stems.input_channels import ADAPTED_INPUT

_NAMES = {"conv": "patch_embed.proj", "norm": "patch_embed.norm"}
CHECKPOINT: Final = KindCheckpoint(
    {"pvt_v2": ReleasedNames(_NAMES, difference=normed("layer"))},
    resized={"conv.weight": ADAPTED_INPUT},
    blocks=one_block,
)
