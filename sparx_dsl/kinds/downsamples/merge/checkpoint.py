"""Patch merging in the checkpoints of Swin."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear, normed

_NAMES = {"norm": "norm", "reduction": "reduction"}
CHECKPOINT: Final = KindCheckpoint({"swin": ReleasedNames(_NAMES, linear("reduction"), difference=normed("layer"))})
