"""How channels lie in the tensors of ``atrous_ss2d``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: AtrousSS2D) -> SliceBlocks:
    """A block for each grid, and one for the gate; B and C behind the time steps' rank."""
    grids = Blocks(options.step**2)
    return {
        "mixer.scans.in_projection": {0: Blocks(2)},
        "mixer.scans.scan.A_logs": {0: grids},
        "mixer.scans.scan.D": {0: grids},
        "mixer.scans.scan.x_proj_weight": {1: Blocks(tail=2 * options.state)},
    }


CHECKPOINT: Final = KindCheckpoint(blocks=blocks)
