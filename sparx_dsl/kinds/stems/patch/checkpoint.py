"""The patch stem in the checkpoints of Swin, and of timm's models."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import Difference, KindCheckpoint, ReleasedNames, other_norm, other_remainder
from sparx_dsl.kinds.stems.input_channels import ADAPTED_INPUT
from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.kinds.stems.position import RESIZED_POSITION, embedding_blocks
from sparx_dsl.language.base import Remainder

_NAMES = {"embedding.conv": "patch_embed.proj", "embedding.norm": "patch_embed.norm"}
_IN_TIMM = {"embedding.conv": "stem.0", "embedding.norm": "stem.1"}


def _patches(norm: str, remainder: Remainder) -> Difference:
    """The difference from released models whose patches have that norm behind them, and end so at the edge."""

    def difference(options: PatchStem, number: int) -> str | None:
        del number
        return other_norm(options.norm, norm) or other_remainder(options.remainder, remainder)

    return difference


CHECKPOINT: Final = KindCheckpoint(
    {
        "swin": ReleasedNames(_NAMES, difference=_patches("layer", "pad")),
        "timm_swin": ReleasedNames(_NAMES, difference=_patches("layer", "pad")),
        "timm": ReleasedNames(_IN_TIMM, difference=_patches("layer", "crop")),
        "inception_next": ReleasedNames(_IN_TIMM, difference=_patches("batch", "crop")),
    },
    resized={"embedding.conv.weight": ADAPTED_INPUT, **RESIZED_POSITION},
    blocks=embedding_blocks,
)
