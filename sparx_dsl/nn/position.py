"""Absolute position embeddings: a learnt value for each channel and position (ViT, Dosovitskiy et al. 2021)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.init import Factory, reset_weight


class PositionEmbedding(nn.Module):
    """Adds a learnt map to every image's map; on maps of another size it is resized by bicubic interpolation."""

    def __init__(self, channels: int, height: int, width: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.position_embedding = nn.Parameter(torch.empty(channels, height, width, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the values from a truncated normal, in place; nothing on the meta device."""
        reset_weight(self.position_embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape and dtype."""
        embedding: Tensor = self.position_embedding
        # An exported program may serve other sizes than the one that it was traced with.
        if torch.compiler.is_exporting() or x.shape[2:] != embedding.shape[1:]:
            embedding = bicubic(embedding, x.shape[2], x.shape[3])
        return x + embedding.to(x.dtype)

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return ", ".join(map(str, self.position_embedding.shape))


def bicubic(embedding: Tensor, height: int, width: int) -> Tensor:
    """An embedding (channels, rows, columns) as (channels, height, width), float32 at least."""
    wide = embedding[None].to(torch.promote_types(embedding.dtype, torch.float32))
    return functional.interpolate(wide, size=(height, width), mode="bicubic", align_corners=False)[0]


def resized_position(embedding: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """An embedding (channels, rows, columns) of a checkpoint for maps of another size; None where channels differ."""
    if embedding.dim() != 3 or len(shape) != 3 or embedding.shape[0] != shape[0]:
        return None
    return bicubic(embedding, shape[1], shape[2]).to(embedding.dtype)
