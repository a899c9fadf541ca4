"""From the parameter names of published checkpoints to the module paths of this project."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn


def in_stem(place: int, period: int) -> str:
    """The module at a place of a published stem, in which a convolution comes every ``period`` places."""
    return f"stem.convs.{place // period}.{'norm' if place % period else 'conv'}."


SHARED = (
    (r"^classifier\.(?:0|norm)\.", "head.norm."),
    (r"^classifier\.(?:3|head)\.", "head.linear."),
    (r"^layers\.(\d+)\.downsample\.", lambda found: f"stage{int(found[1]) + 2}.downsample."),
    (r"^layers\.(\d+)\.blocks\.(\d+)\.", lambda found: f"stage{int(found[1]) + 1}.layer{int(found[2]) + 1}."),
    (r"\.norm2\.", ".ffn.norm."),
    (r"\.mlp\.fc1\.", ".ffn.ffn.expansion."),
    (r"\.mlp\.dwconv\.", ".ffn.ffn.conv."),
    (r"\.mlp\.fc2\.", ".ffn.ffn.contraction."),
)

SCAN = (
    (r"\.op\.conv2d\.", ".mixer.mixer.conv."),
    (r"\.op\.(x_proj_weight|A_logs)$", r".mixer.mixer.\1"),
    (r"\.op\.dt_projs_(weight|bias)$", r".mixer.mixer.dt_\1"),
    (r"\.op\.Ds$", ".mixer.mixer.D"),
    (r"\.op\.out_norm\.", ".mixer.mixer.norm."),
    (r"\.op\.out_proj\.", ".mixer.mixer.out_projection."),
    (r"\.op\.in_proj\.(weight|bias)$", r".mixer.projection.\1"),
)

SPARX_MAMBA = (
    (r"^patch_embed\.(\d+)\.", lambda found: in_stem(int(found[1]), 3)),
    (r"\.downsample\.0\.", ".downsample.conv."),
    (r"\.downsample\.1\.", ".downsample.norm."),
    (r"\.pos_embed\.", ".dpe.conv."),
    (r"\.layerscale_1\.", ".mixer.layer_scale."),
    (r"\.layerscale_2\.", ".ffn.layer_scale."),
    (r"\.op\.d_norm\.", ".fusion.fusion.norm."),
    (r"\.op\.d_proj\.0\.", ".fusion.fusion.selection.conv."),
    (r"\.op\.d_proj\.1\.", ".fusion.fusion.selection.norm."),
    (r"\.op\.d_proj\.3\.", ".fusion.fusion.key_value."),
    (r"\.op\.q\.", ".op.query."),
    (r"\.op\.k\.", ".op.key."),
    (r"\.op\.(query|key)\.0\.0\.", r".fusion.fusion.\1.reduction.conv."),
    (r"\.op\.(query|key)\.0\.1\.", r".fusion.fusion.\1.reduction.norm."),
    (r"\.op\.(query|key)\.1\.", r".fusion.fusion.\1.projection.conv."),
    (r"\.op\.(query|key)\.2\.", r".fusion.fusion.\1.projection.norm."),
    (r"\.op\.v\.0\.", ".fusion.fusion.value.projection.conv."),
    (r"\.op\.v\.1\.", ".fusion.fusion.value.projection.norm."),
    (r"\.op\.in_proj\.0\.", ".fusion.fusion.mixing."),
    (r"\.op\.in_proj\.2\.", ".fusion.fusion.projection."),
)

VMAMBA = (
    (r"^patch_embed\.(\d+)\.", lambda found: in_stem(int(found[1]), 5)),
    (r"\.downsample\.1\.", ".downsample.conv."),
    (r"\.downsample\.3\.", ".downsample.norm."),
)

SWIN = (
    (r"^patch_embed\.proj\.", "stem.embedding.conv."),
    (r"^patch_embed\.norm\.", "stem.embedding.norm."),
    (r"^norm\.", "head.norm."),
    (r"^head\.(weight|bias)$", r"head.linear.\1"),
    (r"\.norm1\.", ".mixer.norm."),
    (r"\.attn\.qkv\.", ".mixer.projection."),
    (r"\.attn\.proj\.", ".mixer.mixer.out_projection."),
    (r"\.attn\.relative_position_bias_table$", ".mixer.mixer.position_bias"),
)

COMPUTED = ("relative_position_index", "attn_mask")
"""Buffers of Swin's checkpoints that this project computes."""

MAMBA_BLOCK = (
    (r"^(.*)_b_log$", r"\1_log_b"),
    (r"^in_proj\.", "projection."),
    (r"^out_proj\.", "mixer.out_projection."),
    (r"^conv1d(_b)?\.", r"mixer.scan\1.conv."),
    (r"^x_proj(_b)?\.weight$", r"mixer.scan\1.x_proj_weight"),
    (r"^dt_proj(_b)?\.(weight|bias)$", r"mixer.scan\1.dt_\2"),
    (r"^A_log(_b)?$", r"mixer.scan\1.A_logs"),
    (r"^D(_b)?$", r"mixer.scan\1.D"),
    (r"^mixer\.scan_b\.", "mixer.backward_scan."),
)

FAMILIES = {
    "sparx_mamba": (*SHARED, *SPARX_MAMBA, *SCAN),
    "vmamba": (*SHARED, *VMAMBA, *SCAN),
    "swin": (*SWIN, *SHARED),
    "mamba_block": MAMBA_BLOCK,
}


def our_name(family: str, name: str, ganglion_layers: frozenset[str] = frozenset()) -> str:
    """Our name of a published parameter; a layer's first norm stands in the fusion of a ganglion layer."""
    for pattern, replacement in FAMILIES[family]:
        name = re.sub(pattern, replacement, name)
    found = re.match(r"^(stage\d+\.layer\d+)\.norm\.(\w+)$", name)
    if found is None:
        return name
    part = "fusion" if found[1] in ganglion_layers else "mixer"
    return f"{found[1]}.{part}.norm.{found[2]}"


def load_published(model: nn.Module, family: str, state: Mapping[str, Tensor]) -> None:
    """Load a published state into the model, reshaped; raises ``RuntimeError`` unless the names cover each other."""
    ours = model.state_dict()
    ganglion = frozenset(name.partition(".fusion.")[0] for name in ours if ".fusion." in name)
    renamed = {our_name(family, name, ganglion): value for name, value in state.items() if not name.endswith(COMPUTED)}
    shaped = {name: value.reshape(ours[name].shape) if name in ours else value for name, value in renamed.items()}
    model.load_state_dict(shaped, strict=True)
