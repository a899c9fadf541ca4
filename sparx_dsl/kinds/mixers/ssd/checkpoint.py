"""What the block of Mamba-2 ends with."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint

# No blocks: gate, channels, B, C and time steps are in one projection, each as wide as it is.
CHECKPOINT: Final = KindCheckpoint(last="mixer.out_projection")
