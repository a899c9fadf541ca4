"""What Swin's checkpoints hold beyond weights, and how its relative position biases change their window."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention

INDEX, MASK = "attn.relative_position_index", "attn_mask"
BLOCKED = -100.0
"""What Swin adds to the scores of positions that must not hear each other."""


def is_computed(name: str) -> bool:
    """Whether a tensor of that name in a Swin checkpoint is a buffer that code computes."""
    return name.endswith((f".{INDEX}", f".{MASK}"))


def computed_buffers(graph: ConnectionGraph, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """The buffers of a Swin checkpoint, by their names there, for the spec's image size.

    Each layer has relative_position_index (window², window²), int64; a shifted one attn_mask (windows, window²,
    window²), 0 or −100.
    """
    return dict(_buffers(graph, dtype))


def _buffers(graph: ConnectionGraph, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    for node in graph.layers():
        mixer = node.layer_settings.mixer
        if isinstance(mixer, WindowAttention):
            prefix = f"layers.{node.stage - 1}.blocks.{node.number - 1}"
            yield f"{prefix}.{INDEX}", relative_position_index(mixer.window)
            height, width = node.map_size(graph.spec.input.size)
            if shifts(node) and min(height, width) > mixer.window:
                yield f"{prefix}.{MASK}", shift_mask(height, width, mixer.window).to(dtype)


def shifts(node: Node) -> bool:
    """Whether a layer's windows are shifted on maps that are larger than a window."""
    mixer = node.layer_settings.mixer
    return isinstance(mixer, WindowAttention) and mixer.shift and mixer.window > 1 and node.number % 2 == 0


def relative_position_index(window: int) -> Tensor:
    """The row of the bias table for each pair of positions of a window: (window², window²), int64."""
    places = torch.cartesian_prod(torch.arange(window), torch.arange(window)).reshape(-1, 2)
    distance = places[:, None] - places[None] + window - 1
    return distance[..., 0] * (2 * window - 1) + distance[..., 1]


def shift_mask(height: int, width: int, window: int) -> Tensor:
    """Which positions of a window lie in different regions of the rolled map: (windows, window², window²), 0 or −100.

    The map is padded to whole windows and rolled by half a window; three bands each way part it into nine regions.
    """
    shift = window // 2
    tall, wide = (side + -side % window for side in (height, width))
    # Bands: untouched windows, the last window's own part, and what wrapped around.
    rows, columns = (torch.arange(side) for side in (tall, wide))
    down = (rows >= tall - window).long() + (rows >= tall - shift)
    across = (columns >= wide - window).long() + (columns >= wide - shift)
    regions = (3 * down[:, None] + across).reshape(tall // window, window, wide // window, window)
    windows = regions.transpose(1, 2).reshape(-1, window * window)
    return (windows[:, None] != windows[:, :, None]) * BLOCKED


def window_of(table_rows: int) -> int | None:
    """The window whose bias table has that many rows, (2·window − 1)²; None where there is none."""
    side = math.isqrt(table_rows)
    return (side + 1) // 2 if side * side == table_rows and side % 2 == 1 else None


def resized_bias(table: Tensor, rows: int) -> Tensor:
    """A bias table ((2·window − 1)², heads) for another window, by bicubic interpolation as Swin's own code does."""
    side, wanted = math.isqrt(table.shape[0]), math.isqrt(rows)
    maps = table.float().T.reshape(1, -1, side, side)
    resized = functional.interpolate(maps, size=(wanted, wanted), mode="bicubic", align_corners=False)
    return resized.flatten(2)[0].T.contiguous().to(table.dtype)
