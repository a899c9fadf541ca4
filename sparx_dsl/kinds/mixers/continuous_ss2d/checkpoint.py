"""How channels lie in the tensors of ``continuous_ss2d``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: ContinuousSS2D) -> SliceBlocks:
    """A block for the scans and one for the gate; B and C behind the time steps' rank."""
    return {
        "projection": {0: Blocks(2 if options.gate else 1)},
        "mixer.scan.x_proj_weight": {0: Blocks(tail=2 * options.state)},
    }


CHECKPOINT: Final = KindCheckpoint(blocks=blocks, last="mixer.out_projection")
