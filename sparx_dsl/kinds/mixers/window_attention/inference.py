"""Window attention in inference: windows, shift and padding as one gather of positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts, Place
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention, region_labels, windows_of


class GatheredAttention(InferenceModule, WindowedAttention):
    """``WindowedAttention`` of a channels-last map, with its parameters and results.

    Positions are gathered into windows as whole rows of query, key and value. What that takes is kept for maps of
    the planned size, and computed in each call for others. Where all windows have one bias they are the batch
    of the fused attention; else images follow one another, so that the bias is never expanded over them.
    """

    def __init__(self, attention: WindowedAttention, place: Place) -> None:
        super().__init__(attention, place)
        self.keep_tables()

    def keep_tables(self) -> None:
        """Compute the tables for maps of the planned size, where the parameters are."""
        for name, table in zip(("index", "inverse", "apart"), self.tables(*self.place.size), strict=True):
            self.register_buffer(name, table, persistent=False)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Weights that come into a module without values bring no tables along."""
        super()._load_from_state_dict(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self.keep_tables()

    def forward(self, projected: Tensor) -> Tensor:
        """Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width)."""
        if torch.compiler.is_compiling():
            return super().forward(projected)
        batch, channels, height, width = projected.shape
        if (height, width) == self.place.size:
            index, inverse, apart = (self.get_buffer(name) for name in ("index", "inverse", "apart"))
        else:
            index, inverse, apart = self.tables(height, width)
        rows = projected.permute(0, 2, 3, 1).flatten(1, 2).index_select(1, index)
        bias = self.relative_bias(projected.device).masked_fill(apart, float("-inf")).to(projected.dtype)
        windows = torch.unflatten(rows, 1, (len(index) // self.window**2, self.window**2))
        attended = self.attend(windows, bias)
        result = attended.index_select(1, inverse).reshape(batch, height, width, channels // 3)
        return self.out_projection(result.permute(0, 3, 1, 2))

    def attend(self, windows: Tensor, bias: Tensor) -> Tensor:
        """(batch, windows, window², 3·channels) to (batch, windows·window², channels).

        The bias is (1, heads, window², window²) for all windows, or (windows, …) for each.
        """
        if windows.is_cpu and windows.dtype == torch.bfloat16 and len(windows):
            return self.attend_by_products(windows, bias)
        if len(windows) == 0:
            # The biases of several windows are no mask for none: torch 2.10 refuses them.
            bias = bias[:1]
        chunks = windows.flatten(0, 1)[None] if len(bias) == 1 else windows
        attended = [
            functional.scaled_dot_product_attention(*each.permute(2, 0, 3, 1, 4).unbind(0), attn_mask=bias)
            for each in torch.unflatten(chunks, 3, (3, self.heads, windows.shape[3] // (3 * self.heads))).unbind(0)
        ]
        joined = attended[0] if len(attended) == 1 else torch.cat(attended)
        return joined.transpose(1, 2).reshape(len(windows), windows.shape[1] * windows.shape[2], windows.shape[3] // 3)

    def attend_by_products(self, windows: Tensor, bias: Tensor) -> Tensor:
        """The same in the same shapes, by two products and a softmax.

        On CPU, in bfloat16, that takes two thirds to nine tenths of the fused attention's time for small windows; in
        float32 it takes longer. Scores are rounded to bfloat16 here, as in Swin's own code.
        """
        batch, count, size, channels = windows.shape[0], windows.shape[1], windows.shape[2], windows.shape[3] // 3
        rows = torch.unflatten(windows.flatten(0, 1), 2, (3, self.heads, channels // self.heads))
        query, key, value = (each.flatten(0, 1) for each in rows.permute(2, 0, 3, 1, 4).unbind(0))
        repeated = bias.expand(batch, count, self.heads, size, size).flatten(0, 2)
        scores = torch.baddbmm(repeated, query, key.transpose(1, 2), alpha=query.shape[-1] ** -0.5)
        attended = torch.unflatten(scores.softmax(dim=-1) @ value, 0, (batch, count, self.heads))
        return attended.transpose(2, 3).reshape(batch, count * size, channels)

    def tables(self, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Which position each place of each window reads, which place each position has, and the attention mask.

        (windows·window²,), (height·width,), and (windows, 1, window², window²), or 1 in the place of windows where all
        positions of a window attend to each other.
        """
        device, window = self.position_bias.device, self.window
        shift = self.shift if min(height, width) > window else 0
        tall, wide = height + -height % window, width + -width % window
        row, column = ((torch.arange(side, device=device) + shift) % side for side in (tall, wide))
        real = (row < height)[:, None] & (column < width)
        index = windows_of(torch.where(real, row[:, None] * width + column, -1), window).flatten()
        places = torch.arange(len(index), device=device)
        inverse = torch.zeros(height * width + 1, dtype=torch.long, device=device).scatter(0, index + 1, places)[1:]
        # A place in the padding may read any position: none of the map attends to it.
        labels = region_labels(height, width, window, shift, device)
        labels = labels if shift or (tall, wide) != (height, width) else labels[:1]
        return index.clamp(min=0), inverse, (labels[:, :, None] != labels[:, None, :])[:, None]


INFERENCE = Deployment({WindowedAttention: ModuleFacts(last_product="out_projection", replacement=GatheredAttention)})
