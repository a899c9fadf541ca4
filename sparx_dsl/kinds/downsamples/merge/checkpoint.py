"""Patch merging in the checkpoints of Swin."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear, normed
from sparx_dsl.kinds.slices import Blocks, SliceBlocks

_NAMES = {"norm": "norm", "reduction": "reduction"}


def blocks(options: object) -> SliceBlocks:
    """The channels of the four corners of a patch, one behind the other."""
    del options
    return {"norm": {0: Blocks(4)}, "reduction.weight": {1: Blocks(4)}}


CHECKPOINT: Final = KindCheckpoint(
    {"swin": ReleasedNames(_NAMES, linear("reduction"), difference=normed("layer"))}, blocks=blocks
)
