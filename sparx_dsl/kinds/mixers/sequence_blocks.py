"""How channels lie in the tensors of the mixers over sequences."""

from __future__ import annotations

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.mixers.options import SequenceMixer
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def blocks(options: SequenceMixer) -> SliceBlocks:
    """What is scanned and its gate; B and C behind the time steps' rank."""
    rank = {0: Blocks(tail=2 * options.state)}
    scans = ("mixer.scan", "mixer.backward_scan")
    return {"projection": {0: Blocks(2 if options.gate else 1)}, **{f"{scan}.x_proj_weight": rank for scan in scans}}


CHECKPOINT = KindCheckpoint(blocks=blocks, last="mixer.out_projection")
"""No released model has them."""
