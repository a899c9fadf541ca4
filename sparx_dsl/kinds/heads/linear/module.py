"""The head that classifies."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import Linear
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class LinearClassifier(nn.Module):
    """Norm, mean over positions, one linear layer."""

    def __init__(self, channels: int, classes: int, norm: NormName, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.norm = make_norm(norm, channels, **factory)
        self.linear = Linear(channels, classes, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to logits (batch, classes)."""
        return self.linear(self.norm(x).mean(dim=(2, 3)))


def build(
    options: LinearHead,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> LinearClassifier:
    """Make the linear head for that site."""
    return LinearClassifier(site.channels, options.classes, options.norm or site.norm, device=device, dtype=dtype)
