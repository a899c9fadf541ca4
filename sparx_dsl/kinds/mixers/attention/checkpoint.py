"""How channels lie in the weights of attention over a whole map."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: AttentionMixer) -> SliceBlocks:
    """Query, key and value, each head after head."""
    del options
    return {"projection": {0: Blocks(3)}}


CHECKPOINT: Final = KindCheckpoint(blocks=blocks, last="mixer.out_projection")
