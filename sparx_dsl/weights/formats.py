"""The formats of checkpoints, and what each released one calls the parts of a layer that are no kind of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, did_you_mean, quoted
from sparx_dsl.kinds.checkpoint import ReleasedFormat, Shape

Format = Literal["sparx_dsl"] | ReleasedFormat
FORMATS: Final[tuple[Format, ...]] = ("sparx_dsl", *get_args(ReleasedFormat))


@dataclass(frozen=True, slots=True)
class ReleasedLayers:
    """The layers of one released project."""

    names: Mapping[str, str]
    """Modules by their paths in a layer, ours → theirs."""
    norm: str
    """The norm of the layers."""
    signs: frozenset[str] = frozenset()
    """Those of their names by which a checkpoint shows that it is of this project."""
    shapes: Mapping[str, Callable[[Shape], Shape]] = field(default_factory=dict[str, Callable[[Shape], Shape]])
    """For tensors that have another shape there, by their paths in a layer of ours: that shape from ours."""
    stages: str = "layers"
    """What the stages are called, as in ``layers.0.blocks.1``."""
    opened: bool = False
    """Whether a downsampling belongs to the stage that it opens, or to the one before."""
    end_norm: str = ""
    """What the norm at the end of a stage is called, within the stage."""


def _per_channel(shape: Shape) -> Shape:
    return (*shape, 1, 1, 1)


RELEASED_LAYERS: Final[Mapping[ReleasedFormat, ReleasedLayers]] = {
    "pvt_v2": ReleasedLayers(
        {"mixer.norm": "norm1", "fusion.norm": "norm1", "ffn.norm": "norm2"},
        "layer",
        stages="stages",
        opened=True,
        end_norm="norm",
    ),
    "sparx_mamba": ReleasedLayers(
        {
            "dpe.conv": "pos_embed",
            "mixer.norm": "norm",
            "fusion.norm": "norm",
            "ffn.norm": "norm2",
            "mixer.layer_scale": "layerscale_1",
            "ffn.layer_scale": "layerscale_2",
        },
        "group",
        frozenset({"pos_embed"}),
        {"mixer.layer_scale.weight": _per_channel, "ffn.layer_scale.weight": _per_channel},
    ),
    "vmamba": ReleasedLayers({"mixer.norm": "norm", "fusion.norm": "norm", "ffn.norm": "norm2"}, "layer"),
    "timm": ReleasedLayers(
        {"mixer.branch_scale.weight": "gamma", "fusion.norm": "norm1"}, "layer", stages="stages", opened=True
    ),
    "inception_next": ReleasedLayers(
        {"mixer.branch_scale.weight": "gamma", "fusion.norm": "norm1"}, "batch", stages="stages", opened=True
    ),
    "timm_swin": ReleasedLayers(
        {"mixer.norm": "norm1", "fusion.norm": "norm1", "ffn.norm": "norm2"},
        "layer",
        frozenset({"layers.3.downsample"}),
        opened=True,
    ),
    "swin": ReleasedLayers({"mixer.norm": "norm1", "fusion.norm": "norm1", "ffn.norm": "norm2"}, "layer"),
}
"""In the order in which a format is looked for: PVTv2 has SparX-Mamba's names and more, and that VMamba's;
timm's Swin has Swin's, its downsamplings in other places, and a part of the names of timm's ConvNeXt."""


def named_format(format: str, where: Where) -> Format:
    """The format of that name; raises ``SparxError`` (SPX621)."""
    for known in FORMATS:
        if known == format:
            return known
    advice = did_you_mean(format, FORMATS) or f"one of {', '.join(FORMATS)}"
    raise SparxError(Diagnostic(Code.UNKNOWN_FORMAT, f"unknown checkpoint format {quoted(format)}", where, help=advice))
