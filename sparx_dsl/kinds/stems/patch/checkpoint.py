"""The patch stem in the checkpoints of Swin, and of timm's models."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, normed
from sparx_dsl.kinds.stems.input_channels import ADAPTED_INPUT
from sparx_dsl.kinds.stems.position import RESIZED_POSITION, embedding_blocks

_NAMES = {"embedding.conv": "patch_embed.proj", "embedding.norm": "patch_embed.norm"}
_IN_TIMM = {"embedding.conv": "stem.0", "embedding.norm": "stem.1"}
CHECKPOINT: Final = KindCheckpoint(
    {
        "swin": ReleasedNames(_NAMES, difference=normed("layer")),
        "timm_swin": ReleasedNames(_NAMES, difference=normed("layer")),
        "timm": ReleasedNames(_IN_TIMM, difference=normed("layer")),
        "inception_next": ReleasedNames(_IN_TIMM, difference=normed("batch")),
    },
    resized={"embedding.conv.weight": ADAPTED_INPUT, **RESIZED_POSITION},
    blocks=embedding_blocks,
)
