"""How channels lie in the tensors of ``local_ss2d``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: LocalSS2D) -> SliceBlocks:
    """A block for each direction, and one for the gate; B and C behind the time steps' rank."""
    directions = Blocks(len(options.directions))
    return {
        "projection": {0: Blocks(2 if options.gate else 1)},
        "mixer.scan.A_logs": {0: directions},
        "mixer.scan.D": {0: directions},
        "mixer.scan.x_proj_weight": {1: Blocks(tail=2 * options.state)},
    }


CHECKPOINT: Final = KindCheckpoint(blocks=blocks, last="mixer.out_projection")
