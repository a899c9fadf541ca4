"""How channels lie in the tensors of the inverted residual block."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.slices import one_block

CHECKPOINT: Final = KindCheckpoint(blocks=one_block, last="mixer.contraction.norm")
