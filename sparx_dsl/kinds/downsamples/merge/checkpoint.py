"""Patch merging in the checkpoints of Swin, and of timm's."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear, normed
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: object) -> SliceBlocks:
    """The channels of the four corners of a patch, one behind the other."""
    del options
    return {"norm": {0: Blocks(4)}, "reduction.weight": {1: Blocks(4)}}


_NAMES = ReleasedNames({"norm": "norm", "reduction": "reduction"}, linear("reduction"), difference=normed("layer"))
CHECKPOINT: Final = KindCheckpoint({"swin": _NAMES, "timm_swin": _NAMES}, blocks=blocks)
