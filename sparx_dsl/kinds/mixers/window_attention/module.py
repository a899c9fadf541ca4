"""Shifted-window self-attention with a relative position bias (Swin, section 3.2), for maps of any height and width."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory, reset_weight
from sparx_dsl.nn.static_size import StaticSize


class WindowedAttention(StaticSize):
    """Attention within windows of a map that is padded to whole windows; padding is never attended to.

    The windows begin ``shift`` positions right and below where they would otherwise; the map does not wrap
    around, though the windows do. Parameter: position_bias ((2·window − 1)², heads), row by row over (row,
    column) distances.
    """

    def __init__(self, options: WindowAttention, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.heads = options.head_count(site.channels)
        self.window = window = options.window
        # Layers of even number shift their windows.
        self.shift = window // 2 if options.shift and site.number % 2 == 0 else 0
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, self.heads, **factory))
        self.out_projection = pointwise(site.channels, site.channels, **factory)
        self.dropout = options.dropout
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the initial value of the relative position bias in place."""
        reset_weight(self.position_bias)

    def forward(self, projected: Tensor) -> Tensor:
        """Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width)."""
        height, width = projected.shape[2:]
        # Swin's rule: a map not larger than a window is not shifted.
        shift = self.shift if min(height, width) > self.window else 0
        right, below = -width % self.window, -height % self.window
        # Padding or rolling by nothing would still copy the map.
        if right or below:
            projected = functional.pad(projected, (0, right, 0, below))
        if shift:
            projected = projected.roll((-shift, -shift), (2, 3))
        query, key, value = self.partition(projected).unbind(0)
        bias = self.attention_bias(height, width, shift, query.device).to(query.dtype)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        result = self.assemble(attended, height + below, width + right)
        if shift:
            result = result.roll((shift, shift), (2, 3))
        result = convolved(self.out_projection, result[:, :, :height, :width])
        return functional.dropout(result, self.dropout, self.training)

    def partition(self, projected: Tensor) -> Tensor:
        """(batch, 3·channels, H, W) to (3, batch, windows·heads, window², head width).

        Windows stand beside the heads, not in the batch, so that one bias serves every image.
        """
        batch, channels, height, width = projected.shape
        rows, columns, window = height // self.window, width // self.window, self.window
        parts = projected.reshape(batch, 3, self.heads, channels // (3 * self.heads), rows, window, columns, window)
        return parts.permute(1, 0, 4, 6, 2, 5, 7, 3).reshape(
            3, batch, rows * columns * self.heads, window * window, channels // (3 * self.heads)
        )

    def assemble(self, attended: Tensor, height: int, width: int) -> Tensor:
        """(batch, windows·heads, window², head width) back to (batch, channels, height, width)."""
        rows, columns, window = height // self.window, width // self.window, self.window
        batch, head_width = attended.shape[0], attended.shape[3]
        parts = attended.reshape(batch, rows, columns, self.heads, window, window, head_width)
        return parts.permute(0, 3, 6, 1, 4, 2, 5).reshape(batch, self.heads * head_width, height, width)

    def attention_bias(self, height: int, width: int, shift: int, device: torch.device) -> Tensor:
        """What is added to the scores: the position bias, and −∞ where positions do not attend to each other.

        Gives (1, windows·heads, window², window²).
        """
        position = self.relative_bias(device)
        labels = region_labels(height, width, self.window, shift, device)
        apart = labels[:, :, None] != labels[:, None, :]
        return position.masked_fill(apart[:, None], float("-inf")).flatten(0, 1)[None]

    def relative_bias(self, device: torch.device) -> Tensor:
        """The bias between the positions of a window, (heads, window², window²)."""
        place = torch.arange(self.window, device=device)
        distance = place[:, None] - place[None, :] + self.window - 1
        rows, columns = distance[:, None, :, None], distance[None, :, None, :]
        index = (rows * (2 * self.window - 1) + columns).flatten(2).flatten(0, 1)
        return self.position_bias[index].permute(2, 0, 1)


def region_labels(height: int, width: int, window: int, shift: int, device: torch.device) -> Tensor:
    """Label each position of each window by its region; equal labels within a window attend to each other.

    Gives (windows, window²). Regions are parted by the map's edge, across which a rolled window wraps around,
    and by the padding. Padding attends to padding, so that every position attends to some.
    """
    tall, wide = height + -height % window, width + -width % window
    row, column = (torch.arange(side, device=device) + shift for side in (tall, wide))
    padded = ((row % tall) >= height)[:, None] | ((column % wide) >= width)[None, :]
    labels = 4 * padded + 2 * (row >= tall)[:, None] + (column >= wide)[None, :]
    return windows_of(labels, window)


def windows_of(positions: Tensor, window: int) -> Tensor:
    """(height, width), both multiples of the window, to (windows, window²)."""
    height, width = positions.shape
    parts = positions.reshape(height // window, window, width // window, window)
    return parts.transpose(1, 2).reshape(-1, window * window)
