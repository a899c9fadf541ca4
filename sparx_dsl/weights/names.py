"""The names and shapes of this project's tensors in the released checkpoints of SparX-Mamba, VMamba and Swin.

One direction only, from ours to theirs: what a file holds beyond that has no place in the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Format = Literal["sparx_dsl", "sparx_mamba", "vmamba", "swin"]
ReleasedFormat = Literal["sparx_mamba", "vmamba", "swin"]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReleasedTensor:
    """What a tensor is called in a checkpoint, and its shape there."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Naming:
    """How one project names the parts of a backbone; modules or tensors by their paths, ours to theirs."""

    ends: Mapping[str, str]
    """Parts of the stem and the head."""
    downsample: Mapping[str, str]
    """Parts of a downsampling."""
    layer: Mapping[str, str]
    """Parts of a layer."""
    stem_places: tuple[int, int] | None = None
    """Where the stem is one sequence: its places for each convolution, and the place of the norm among them."""
    linear: frozenset[str] = field(default_factory=frozenset[str])
    """Our 1×1 convolutions that are linear layers there."""
    merged_directions: bool = False
    """Whether the scan's projection keeps its four directions in one axis, as a 1×1 convolution would."""


_SCAN = {
    "mixer.norm": "norm",
    "fusion.norm": "norm",
    "mixer.projection": "op.in_proj",
    "mixer.mixer.conv": "op.conv2d",
    "mixer.mixer.x_proj_weight": "op.x_proj_weight",
    "mixer.mixer.dt_weight": "op.dt_projs_weight",
    "mixer.mixer.dt_bias": "op.dt_projs_bias",
    "mixer.mixer.A_logs": "op.A_logs",
    "mixer.mixer.D": "op.Ds",
    "mixer.mixer.norm": "op.out_norm",
    "mixer.mixer.out_projection": "op.out_proj",
}
_FFN = {"ffn.norm": "norm2", "ffn.ffn.expansion": "mlp.fc1", "ffn.ffn.contraction": "mlp.fc2"}
_FUSION = {
    "fusion.fusion.norm": "op.d_norm",
    "fusion.fusion.selection.conv": "op.d_proj.0",
    "fusion.fusion.selection.norm": "op.d_proj.1",
    "fusion.fusion.key_value": "op.d_proj.3",
    "fusion.fusion.query.reduction.conv": "op.q.0.0",
    "fusion.fusion.query.reduction.norm": "op.q.0.1",
    "fusion.fusion.query.projection.conv": "op.q.1",
    "fusion.fusion.query.projection.norm": "op.q.2",
    "fusion.fusion.key.reduction.conv": "op.k.0.0",
    "fusion.fusion.key.reduction.norm": "op.k.0.1",
    "fusion.fusion.key.projection.conv": "op.k.1",
    "fusion.fusion.key.projection.norm": "op.k.2",
    "fusion.fusion.value.projection.conv": "op.v.0",
    "fusion.fusion.value.projection.norm": "op.v.1",
    "fusion.fusion.mixing": "op.in_proj.0",
    "fusion.fusion.projection": "op.in_proj.2",
}
_FFN_LINEAR = frozenset({"ffn.ffn.expansion", "ffn.ffn.contraction"})

NAMINGS: Final[Mapping[ReleasedFormat, Naming]] = {
    "sparx_mamba": Naming(
        ends={"head.norm": "classifier.0", "head.linear": "classifier.3"},
        downsample={"conv": "0", "norm": "1"},
        layer={
            "dpe.conv": "pos_embed",
            **_SCAN,
            **_FUSION,
            **_FFN,
            "ffn.ffn.conv": "mlp.dwconv",
            "mixer.layer_scale": "layerscale_1",
            "ffn.layer_scale": "layerscale_2",
        },
        stem_places=(3, 1),
        merged_directions=True,
    ),
    "vmamba": Naming(
        ends={"head.norm": "classifier.norm", "head.linear": "classifier.head"},
        downsample={"conv": "1", "norm": "3"},
        layer={**_SCAN, **_FFN},
        stem_places=(5, 2),
        linear=_FFN_LINEAR | {"mixer.projection", "mixer.mixer.out_projection"},
    ),
    "swin": Naming(
        ends={
            "stem.embedding.conv": "patch_embed.proj",
            "stem.embedding.norm": "patch_embed.norm",
            "head.norm": "norm",
            "head.linear": "head",
        },
        downsample={"norm": "norm", "reduction": "reduction"},
        layer={
            "mixer.norm": "norm1",
            "fusion.norm": "norm1",
            "mixer.projection": "attn.qkv",
            "mixer.mixer.out_projection": "attn.proj",
            "mixer.mixer.position_bias": "attn.relative_position_bias_table",
            **_FFN,
        },
        linear=_FFN_LINEAR | {"mixer.projection", "mixer.mixer.out_projection", "reduction"},
    ),
}
"""The naming of every released format."""


def stage_names(names: Iterable[str]) -> tuple[str, ...]:
    """The stages of a backbone, in order, from the names of its tensors."""
    return tuple(name for name in dict.fromkeys(name.split(".")[0] for name in names) if name not in ("stem", "head"))


def released_tensors(format: ReleasedFormat, shapes: Mapping[str, Shape]) -> dict[str, ReleasedTensor | None]:
    """What each tensor of a backbone (name → shape) is in that format; None for what the format has no name for."""
    naming = NAMINGS[format]
    stages = {name: position for position, name in enumerate(stage_names(shapes))}
    return {name: _released(naming, stages, name, shape) for name, shape in shapes.items()}


def _released(naming: Naming, stages: Mapping[str, int], name: str, shape: Shape) -> ReleasedTensor | None:
    top, _, rest = name.partition(".")
    if top not in stages:
        found = _stem(naming, rest) if top == "stem" and naming.stem_places else _looked_up(naming.ends, name)
        return None if found is None else ReleasedTensor(found, shape)
    part, _, inner = rest.partition(".")
    if part == "downsample":
        prefix, found = f"layers.{stages[top] - 1}.downsample.", _looked_up(naming.downsample, inner)
    else:
        prefix = f"layers.{stages[top]}.blocks.{_block(part)}."
        found = _looked_up(naming.layer, inner)
    return None if found is None else ReleasedTensor(prefix + found, _shape(naming, inner, shape))


def _block(part: str) -> int:
    """The 0-based number of the layer ``layer7``."""
    return int(part.removeprefix("layer")) - 1


def _looked_up(table: Mapping[str, str], name: str) -> str | None:
    if name in table:
        return table[name]
    module, _, leaf = name.rpartition(".")
    return f"{table[module]}.{leaf}" if module in table else None


def _stem(naming: Naming, rest: str) -> str | None:
    """``convs.1.norm.weight`` in a stem that is one sequence of convolutions, norms, GELUs and permutations."""
    assert naming.stem_places is not None
    period, norm = naming.stem_places
    match rest.split("."):
        case ["convs", number, "conv", leaf]:
            return f"patch_embed.{period * int(number)}.{leaf}"
        case ["convs", number, "norm", leaf]:
            return f"patch_embed.{period * int(number) + norm}.{leaf}"
        case _:
            return None


def _shape(naming: Naming, inner: str, shape: Shape) -> Shape:
    module, _, leaf = inner.rpartition(".")
    if module in naming.linear and leaf == "weight":
        return shape[:2]
    if naming.merged_directions and leaf == "x_proj_weight":
        return (shape[0] * shape[1], shape[2], 1)
    if inner.endswith("layer_scale.weight"):
        return (*shape, 1, 1, 1)
    return shape
