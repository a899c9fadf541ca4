"""Window attention in inference: on CPU one kernel over the map, elsewhere one gather of positions into windows."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts, Place
from sparx_dsl.inference.packed_weights import PackedWeights
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention, region_labels, windows_of
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import window_attention

BIAS = "bias"
"""The name under which the bias between positions is kept."""


class FusedWindowedAttention(PackedWeights, InferenceModule, WindowedAttention):
    """``WindowedAttention`` of a channels-last map, with its parameters and results.

    The compiled kernel reads windows where they lie in the map. Where it does not serve, positions are gathered into
    windows as whole rows of query, key and value. What that takes is kept for maps of the planned size, and
    computed in each call for others. Where all windows have one bias they are the batch of the fused attention; else
    images follow one another, so that the bias is never expanded over them.
    """

    packs = ("position_bias",)

    def __init__(self, attention: WindowedAttention, place: Place) -> None:
        InferenceModule.__init__(self, attention, place)
        self.clear()
        self.keep_tables()

    def clear(self) -> None:
        """Drop what is packed, since the bias is another."""
        super().clear()
        bias = self._parameters.get("position_bias")
        self.compiled = bias is not None and bias.device.type == "cpu" and maps.problem(bias.dtype) is None

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
        if self.fusable(projected):
            shift = self.shift if min(projected.shape[2:]) > self.window else 0
            attended = window_attention(projected, self.bias_for_kernel(), self.heads, self.window, shift)
            return self.out_projection(attended)
        if torch.compiler.is_compiling():
            return super().forward(projected)
        return self.out_projection(self.gathered(projected))

    def fusable(self, x: Tensor) -> bool:
        """Whether the compiled kernel serves query, key and value (batch, 3·channels, height, width)."""
        bias = self._parameters.get("position_bias")
        return bias is not None and self.is_plain_inference(x, bias) and self.compiled and x.numel() > 0

    def bias_for_kernel(self) -> Tensor:
        """The bias (heads, window², window² filled up) as the kernel reads it; compiled graphs make it each time."""
        if torch.compiler.is_compiling():
            return maps.packed_bias(self.relative_bias(self.position_bias.device))
        if BIAS not in self.packed:
            self.packed[BIAS] = maps.packed_bias(self.relative_bias(self.position_bias.device))
        return cast(Tensor, self.packed[BIAS])

    def gathered(self, projected: Tensor) -> Tensor:
        """Attention of gathered windows: (batch, 3·channels, height, width) to (batch, channels, height, width)."""
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
        return result.permute(0, 3, 1, 2)

    def attend(self, windows: Tensor, bias: Tensor) -> Tensor:
        """(batch, windows, window², 3·channels) to (batch, windows·window², channels).

        The bias is (1, heads, window², window²) for all windows, or (windows, …) for each.
        """
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


INFERENCE = Deployment(
    {WindowedAttention: ModuleFacts(last_product="out_projection", replacement=FusedWindowedAttention)}
)
