"""The convolutional stem in the checkpoints of SparX-Mamba and VMamba."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, normed
from sparx_dsl.kinds.stems.conv.options import MOST_CONVS
from sparx_dsl.kinds.stems.input_channels import ADAPTED_INPUT
from sparx_dsl.kinds.stems.position import RESIZED_POSITION, embedding_blocks


def _sequence(period: int, norm: int, released: str) -> ReleasedNames:
    """One sequence of modules: ``period`` places for each convolution, and the place of its norm among them."""
    convs = {f"convs.{number}.conv": f"patch_embed.{period * number}" for number in range(MOST_CONVS)}
    norms = {f"convs.{number}.norm": f"patch_embed.{period * number + norm}" for number in range(MOST_CONVS)}
    return ReleasedNames({**convs, **norms}, difference=normed(released))


CHECKPOINT: Final = KindCheckpoint(
    {"sparx_mamba": _sequence(3, 1, "batch"), "vmamba": _sequence(5, 2, "layer")},
    resized={"convs.0.conv.weight": ADAPTED_INPUT, **RESIZED_POSITION},
    blocks=embedding_blocks,
)
