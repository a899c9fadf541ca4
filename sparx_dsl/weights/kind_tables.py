"""The checkpoints of this package's kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sparx_dsl.spec.kinds import Role
from sparx_dsl.weights.kind_checkpoint import (
    Alternation,
    ComputedBuffers,
    KindCheckpoint,
    ReleasedNames,
    Resizing,
    Shape,
    linear,
    normed,
)


def _conv_stem(period: int, norm: int, released: str) -> ReleasedNames:
    places = range(8)
    convs = {f"convs.{place}.conv": f"patch_embed.{period * place}" for place in places}
    norms = {f"convs.{place}.norm": f"patch_embed.{period * place + norm}" for place in places}
    return ReleasedNames({**convs, **norms}, difference=normed(released))


CONV_STEM = KindCheckpoint({"sparx_mamba": _conv_stem(3, 1, "batch"), "vmamba": _conv_stem(5, 2, "layer")})

PATCH_STEM = KindCheckpoint(
    {
        "swin": ReleasedNames(
            {"embedding.conv": "patch_embed.proj", "embedding.norm": "patch_embed.norm"}, difference=normed("layer")
        )
    }
)

CONV_DOWNSAMPLE = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"conv": "0", "norm": "1"}, difference=normed("batch")),
        "vmamba": ReleasedNames({"conv": "1", "norm": "3"}, difference=normed("layer")),
    }
)

MERGE_DOWNSAMPLE = KindCheckpoint(
    {
        "swin": ReleasedNames(
            {"norm": "norm", "reduction": "reduction"}, linear("reduction"), difference=normed("layer")
        )
    }
)

LINEAR_HEAD = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({"norm": "classifier.0", "linear": "classifier.3"}),
        "vmamba": ReleasedNames(
            {"norm": "classifier.norm", "linear": "classifier.head"},
            signs=frozenset({"classifier.norm", "classifier.head"}),
        ),
        "swin": ReleasedNames({"norm": "norm", "linear": "head"}),
    },
    class_modules=frozenset({"linear"}),
)


def _merged_directions(shape: Shape) -> Shape:
    """The released code keeps the four directions of the scan's projection in one axis, as a 1×1 convolution would."""
    return (shape[0] * shape[1], shape[2], 1)


_SS2D = {
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
SS2D = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames(_SS2D, {"mixer.x_proj_weight": _merged_directions}),
        "vmamba": ReleasedNames(
            _SS2D, linear("projection", "mixer.out_projection"), signs=frozenset({"op.A_logs"})
        ),
    }
)


def shifts(options: Any, number: int) -> bool:
    """Whether a layer's windows are shifted on maps that are larger than a window."""
    return options.shift and options.window > 1 and number % 2 == 0


def _unshifted(options: Any, number: int) -> str | None:
    return None if options.shift or number % 2 else "does not shift its windows"


_WINDOW = "sparx_dsl.weights.window_attention_tensors"
WINDOW_ATTENTION = KindCheckpoint(
    {
        "swin": ReleasedNames(
            {
                "projection": "attn.qkv",
                "mixer.out_projection": "attn.proj",
                "mixer.position_bias": "attn.relative_position_bias_table",
            },
            linear("projection", "mixer.out_projection"),
            signs=frozenset({"attn.relative_position_bias_table"}),
            difference=_unshifted,
            buffers=ComputedBuffers(
                ("attn.relative_position_index", "attn_mask"),
                f"{_WINDOW}:released_buffers",
                f"{_WINDOW}:is_released_buffer",
                "are not in the order of Swin's windows",
                "is this a checkpoint of Swin V2?",
            ),
        )
    },
    {"mixer.position_bias": Resizing(f"{_WINDOW}:resized_bias", "by bicubic interpolation")},
    alternation=Alternation(shifts, "shifts its windows", "does not shift its windows"),
)


def _other_groups(options: Any, number: int) -> str | None:
    del number
    return None if options.groups == 4 else "has another fusion than DMCA in 4 groups"


DMCA = KindCheckpoint(
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
    }
)

_MLP = {"expansion": "mlp.fc1", "contraction": "mlp.fc2"}
MLP = KindCheckpoint(
    {
        "vmamba": ReleasedNames(_MLP, linear("expansion", "contraction")),
        "swin": ReleasedNames(_MLP, linear("expansion", "contraction")),
    }
)

CONV_FFN = KindCheckpoint(
    {
        "sparx_mamba": ReleasedNames({**_MLP, "conv": "mlp.dwconv"}, signs=frozenset({"mlp.dwconv"})),
    }
)

TABLES: Final[Mapping[tuple[Role, str], KindCheckpoint]] = {
    ("stem", "conv"): CONV_STEM,
    ("stem", "patch"): PATCH_STEM,
    ("downsample", "conv"): CONV_DOWNSAMPLE,
    ("downsample", "merge"): MERGE_DOWNSAMPLE,
    ("head", "linear"): LINEAR_HEAD,
    ("mixer", "ss2d"): SS2D,
    ("mixer", "window_attention"): WINDOW_ATTENTION,
    ("fusion", "dmca"): DMCA,
    ("ffn", "mlp"): MLP,
    ("ffn", "conv"): CONV_FFN,
}
