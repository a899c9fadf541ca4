"""The head of InceptionNeXt (Yu et al. 2024) in its released code, which classifies through a hidden layer."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.heads.mlp_classifier.options import MlpClassifierHead
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import linear
from sparx_dsl.nn.init import Factory


class MlpClassifier(nn.Module):
    """Mean over positions, linear layer, GELU, LayerNorm, linear layer."""

    def __init__(self, options: MlpClassifierHead, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        hidden = times(site.channels, options.ratio)
        self.expansion = linear(site.channels, hidden, **factory)
        self.norm = nn.LayerNorm(hidden, eps=options.eps, **factory)
        self.linear = linear(hidden, options.classes, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to logits (batch, classes)."""
        return self.linear(self.norm(functional.gelu(self.expansion(x.mean(dim=(2, 3))))))
