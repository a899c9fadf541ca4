"""Window attention in the checkpoints of Swin and of timm's, and its bias table after an edit."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import Alternation, ComputedBuffers, KindCheckpoint, ReleasedNames, Resizing, linear
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.kinds.slices import Blocks, SliceBlocks

_TENSORS = "sparx_dsl.kinds.mixers.window_attention.checkpoint_tensors"
SHIFTS, STAYS = "shifts its windows", "does not shift its windows"


def shifts(options: WindowAttention, number: int) -> bool:
    """Whether a layer's windows are shifted on maps that are larger than a window."""
    return options.shift and options.window > 1 and number % 2 == 0


def _stays(options: WindowAttention, number: int) -> str | None:
    return STAYS if not options.shift and number % 2 == 0 else None


def blocks(options: WindowAttention) -> SliceBlocks:
    """Query, key and value, each head after head; the table of biases has a column for each head."""
    del options
    return {"projection": {0: Blocks(3)}, "mixer.position_bias": {0: None}}


_NAMES: Final = {
    "projection": "attn.qkv",
    "mixer.out_projection": "attn.proj",
    "mixer.position_bias": "attn.relative_position_bias_table",
}
_SHAPES: Final = linear("projection", "mixer.out_projection")
CHECKPOINT: Final = KindCheckpoint(
    {
        # timm computes its buffers too.
        "timm_swin": ReleasedNames(_NAMES, _SHAPES, difference=_stays),
        "swin": ReleasedNames(
            _NAMES,
            _SHAPES,
            signs=frozenset({"attn.relative_position_bias_table"}),
            difference=_stays,
            buffers=ComputedBuffers(
                ("attn.relative_position_index", "attn_mask"),
                compute=f"{_TENSORS}:released_buffers",
                check=f"{_TENSORS}:is_released_buffer",
                other="are not in the order of Swin's windows",
                help="is this a checkpoint of Swin V2?",
            ),
        ),
    },
    resized={"mixer.position_bias": Resizing(f"{_TENSORS}:resized_bias", "by bicubic interpolation")},
    alternation=Alternation(shifts, SHIFTS, STAYS),
    blocks=blocks,
    last="mixer.out_projection",
)
