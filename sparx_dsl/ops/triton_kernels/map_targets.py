"""Compile the kernels of norms and depthwise convolutions for devices that need not be here; see ``targets``."""

# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import torch

from sparx_dsl.ops.triton_kernels.launch_depthwise import PLACES, TALL, WIDE, widest
from sparx_dsl.ops.triton_kernels.launch_norms import WHOLE_BLOCK, position_block
from sparx_dsl.ops.triton_kernels.map_parts import map_parts
from sparx_dsl.ops.triton_kernels.targets import Resources, compile_for

NORMS = ("map statistics", "map norm", "map norm, whole", "map norm, sums", "map norm, backward", "layer norm",
         "layer norm, backward")  # fmt: skip
CONVOLUTIONS = ("depthwise 3 × 3", "depthwise 5 × 5", "depthwise 3 × 3, interleaved", "depthwise 3 × 3, slope",
                "depthwise 9 × 9, strided", "taps 3 × 3, backward", "taps 7 × 7, backward")  # fmt: skip
NAMES = (*NORMS, *CONVOLUTIONS)
"""What ``map_resources`` compiles."""
CHANNELS = 384
"""Channels of the maps, 28 × 28, as a feed-forward network of SparX-Mamba-T has in its first stage."""


def map_resources(target: str, name: str, dtype: torch.dtype) -> Resources:
    """Compile the kernel of that name, one of ``NAMES``, for one of ``targets.TARGETS``, for 16 maps of such a size."""
    return _norm(target, name, dtype) if name in NORMS else _convolution(target, name, dtype)


def _norm(target: str, name: str, dtype: torch.dtype) -> Resources:
    from sparx_dsl.ops.triton_kernels import map_norm, map_norm_backward, position_norm

    parts = map_parts(16, 28 * 28, CHANNELS)
    block, rows = position_block(CHANNELS)
    by_part: dict[str, object] = {"ROWS": parts.rows, "CHANNELS": parts.channels, "PARTS": 256}
    by_place: dict[str, object] = {"ROWS": rows, "CHANNELS": block}
    kernel, constants, warps = {
        "map statistics": (map_norm.map_statistics, by_part, 8),
        "map norm": (map_norm.map_norm_apply, by_part, 8),
        "map norm, whole": (map_norm.map_norm_whole, {"DENSE": True, "BLOCK": WHOLE_BLOCK}, 16),
        "map norm, sums": (map_norm_backward.map_norm_sums, by_part, 8),
        "map norm, backward": (map_norm_backward.map_norm_gradient, by_part, 8),
        "layer norm": (position_norm.position_norm, by_place, 4),
        "layer norm, backward": (position_norm.position_norm_backward, by_place, 4),
    }[name]
    return compile_for(target, kernel, constants, dtype, warps)


def _convolution(target: str, name: str, dtype: torch.dtype) -> Resources:
    from sparx_dsl.ops.triton_kernels import depthwise

    kernel, backward = int(name.partition(" ×")[0][-1]), name.endswith("backward")
    interleaved = name.endswith("interleaved")
    constants: dict[str, object] = {
        "KERNEL": kernel, "TALL": TALL, "WIDE": WIDE, "ROWS": PLACES,
        "CHANNELS": widest(kernel, interleaved=interleaved),
        "HAS_BIAS": True, "RESIDUAL": False, "INTERLEAVED": interleaved, "ACTIVATION": "gelu",
        "GRADIENT": name.endswith("slope"), "lane": 1,
    }  # fmt: skip
    if backward:
        return compile_for(target, depthwise.depthwise_weight_gradient, constants, dtype, 4)
    strided = name.endswith("strided")
    return compile_for(target, depthwise.depthwise_taps if strided else depthwise.depthwise_rows, constants, dtype, 4)
