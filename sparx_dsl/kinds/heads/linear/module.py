"""The head that classifies, as in Swin's and VMamba's released code."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import linear
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class LinearClassifier(nn.Module):
    """Norm, if there is one, mean over positions, one linear layer; or the mean first."""

    def __init__(self, options: LinearHead, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        name = options.norm or site.norm
        self.norm = nn.Identity() if name == "none" else make_norm(name, site.channels, options.eps, **factory)
        self.pool_first = options.pool_first
        self.linear = linear(site.channels, options.classes, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to logits (batch, classes)."""
        if self.pool_first:
            return self.linear(self.norm(x.mean(dim=(2, 3), keepdim=True)).flatten(1))
        return self.linear(self.norm(x).mean(dim=(2, 3)))
