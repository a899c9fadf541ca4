"""Tensors of window attention in checkpoints: Swin's computed buffers, and bias tables for another window."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.kinds.mixers.window_attention.checkpoint import shifts
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention

INDEX, MASK = "attn.relative_position_index", "attn_mask"
BLOCKED = -100.0
"""What Swin adds to the scores of positions that must not attend to each other."""
LARGEST_WINDOW = 256


def released_buffers(options: WindowAttention, number: int, map_size: tuple[int, int]) -> dict[str, Tensor]:
    """The buffers that Swin's checkpoints keep for a layer.

    Each layer has relative_position_index (window², window²), int64; a shifted one attn_mask (windows, window²,
    window²), 0 or −100.
    """
    buffers = {INDEX: relative_position_index(options.window)}
    if shifts(options, number) and min(map_size) > options.window:
        buffers[MASK] = shift_mask(*map_size, options.window)
    return buffers


def is_released_buffer(name: str, found: Tensor) -> bool:
    """Whether an index (window², window²) is in the order computed here; a mask follows from the windows alone."""
    if not name.endswith(INDEX):
        return True
    places = found.shape[0] if found.dim() else 0
    window = math.isqrt(places)
    if window * window != places or window > LARGEST_WINDOW:
        return False
    return torch.equal(found.cpu().long(), relative_position_index(window))


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


def resized_bias(table: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """A bias table ((2·window − 1)², heads) for another window, by bicubic interpolation as Swin's own code does.

    None where the heads are others, or where there is no window of so many rows.
    """
    if table.dim() != 2 or table.shape[1:] != shape[1:]:
        return None
    side, wanted = math.isqrt(table.shape[0]), math.isqrt(shape[0])
    if side * side != table.shape[0] or side % 2 == 0:
        return None
    maps = table.float().T.reshape(1, -1, side, side)
    resized = functional.interpolate(maps, size=(wanted, wanted), mode="bicubic", align_corners=False)
    return resized.flatten(2)[0].T.contiguous().to(table.dtype)
