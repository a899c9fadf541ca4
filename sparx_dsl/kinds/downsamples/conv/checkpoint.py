"""The convolutional downsampling in the checkpoints of SparX-Mamba and VMamba, and of timm's models."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import Difference, KindCheckpoint, ReleasedNames, normed, other_norm, other_remainder
from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.slices import one_block


def _norm_after(released: str) -> Difference:
    """The difference from released models with a norm of that name in front of convolutions that leave out the edge."""

    def difference(options: ConvDownsample, number: int) -> str | None:
        del number
        if options.norm_place == "after":
            return "has its norm behind the convolution, and the released models in front of it"
        return other_norm(options.norm, released) or other_remainder(options.remainder, "crop")

    return difference


def _norm_before(options: ConvDownsample, number: int) -> str | None:
    del number
    if options.norm_place == "before":
        return "has its norm in front of the convolution, and the released models behind it"
    return other_norm(options.norm, "layer")


CHECKPOINT: Final = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"conv": "0", "norm": "1"}, difference=normed("batch")),
        "vmamba": ReleasedNames({"conv": "1", "norm": "3"}, difference=normed("layer")),
        "timm": ReleasedNames({"norm": "0", "conv": "1"}, difference=_norm_after("layer")),
        "inception_next": ReleasedNames({"norm": "0", "conv": "1"}, difference=_norm_after("batch")),
        "pvt_v2": ReleasedNames({"conv": "proj", "norm": "norm"}, difference=_norm_before),
    },
    blocks=one_block,
)
