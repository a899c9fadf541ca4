"""DMCA in the checkpoints of SparX-Mamba, and its weights for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.fusions.feature_axes import SELECTION_AXES, FeatureAxes, FeatureAxis
from sparx_dsl.kinds.slices import Blocks, SliceBlocks

FEATURE_AXES: Final[FeatureAxes] = {**SELECTION_AXES, "key_value.weight": FeatureAxis(1)}
GROUPS: Final = 4
"""The groups of the released models."""


def _other_groups(options: DMCA, number: int) -> str | None:
    del number
    return None if options.groups == GROUPS else f"has another fusion than DMCA in {GROUPS} groups"


def blocks(options: DMCA) -> SliceBlocks:
    """Key and value; the groups within which channels attend to each other; the three groups of the projection.

    Those read the input, what was attended to and the value interleaved, so that with another width their channels mean
    something close, and not the same.
    """
    attending = {f"{part}.projection.{leaf}": {0: Blocks(options.groups)}
                 for part in ("query", "key", "value") for leaf in ("conv", "norm")}  # fmt: skip
    three = {0: Blocks(3 if options.shortcut else 1)}
    return {"key_value": {0: Blocks(2)}, "mixing": three, "projection": three, **attending}


CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames(
            {
                "norm": "op.d_norm",
                "selection.conv": "op.d_proj.0",
                "selection.norm": "op.d_proj.1",
                "key_value": "op.d_proj.3",
                "query.reduction.conv": "op.q.0.0",
                "query.reduction.norm": "op.q.0.1",
                "query.projection.conv": "op.q.1",
                "query.projection.norm": "op.q.2",
                "key.reduction.conv": "op.k.0.0",
                "key.reduction.norm": "op.k.0.1",
                "key.projection.conv": "op.k.1",
                "key.projection.norm": "op.k.2",
                "value.projection.conv": "op.v.0",
                "value.projection.norm": "op.v.1",
                "mixing": "op.in_proj.0",
                "projection": "op.in_proj.2",
            },
            difference=_other_groups,
        )
    },
    blocks=blocks,
)
