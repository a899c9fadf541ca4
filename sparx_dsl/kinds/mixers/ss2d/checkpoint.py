"""SS2D in the checkpoints of SparX-Mamba and VMamba."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, Shape, linear
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.slices import Blocks, SliceBlocks


def _merged_directions(shape: Shape) -> Shape:
    """SparX-Mamba keeps the four directions of the scan's projection in one axis, as a 1×1 convolution would."""
    return (shape[0] * shape[1], shape[2], 1)


DIRECTIONS: Final = 4
"""The directions of the scan."""
_NAMES = {
    "projection": "op.in_proj",
    "mixer.conv": "op.conv2d",
    "mixer.x_proj_weight": "op.x_proj_weight",
    "mixer.dt_weight": "op.dt_projs_weight",
    "mixer.dt_bias": "op.dt_projs_bias",
    "mixer.A_logs": "op.A_logs",
    "mixer.D": "op.Ds",
    "mixer.norm": "op.out_norm",
    "mixer.out_projection": "op.out_proj",
}


def blocks(options: SS2D) -> SliceBlocks:
    """A block for each direction, where they are not a dimension of their own; B and C behind the time steps' rank."""
    directions = Blocks(DIRECTIONS)
    return {
        "mixer.A_logs": {0: directions},
        "mixer.D": {0: directions},
        "mixer.x_proj_weight": {1: Blocks(tail=2 * options.state)},
    }


CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames(_NAMES, {"mixer.x_proj_weight": _merged_directions}),
        "vmamba": ReleasedNames(_NAMES, linear("projection", "mixer.out_projection"), frozenset({"op.A_logs"})),
    },
    blocks=blocks,
    last="mixer.out_projection",
)
