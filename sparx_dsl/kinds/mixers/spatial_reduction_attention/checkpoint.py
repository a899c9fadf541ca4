"""Spatial-reduction attention in the checkpoints of PVTv2, by timm's names."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint, ReleasedNames, linear
from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import SpatialReductionAttention
from sparx_dsl.kinds.slices import Blocks, SliceBlocks

_NAMES = {
    "mixer.query": "attn.q",
    "mixer.reduction.conv": "attn.sr",
    "mixer.reduction.norm": "attn.norm",
    "mixer.key_value": "attn.kv",
    "mixer.out_projection": "attn.proj",
}
_LINEAR = linear("mixer.query", "mixer.key_value", "mixer.out_projection")


def blocks(options: SpatialReductionAttention) -> SliceBlocks:
    """Key and value, each head after head; the convolution's window holds no channels."""
    del options
    return {"mixer.key_value": {0: Blocks(2)}}


CHECKPOINT: Final = KindCheckpoint(
    {"pvt_v2": ReleasedNames(_NAMES, _LINEAR, signs=frozenset({"attn.kv"}))},
    blocks=blocks,
    last="mixer.out_projection",
)
