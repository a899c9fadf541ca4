"""Patch merging: a stage's last feature becomes the next one's input, half the size rounded up (Swin, section 3.1)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class PatchMerging(nn.Module):
    """Patches of 2×2 concatenated along channels, a norm, and a linear layer without bias (Swin)."""

    def __init__(self, options: MergeDownsample, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.norm = make_norm(options.norm, 4 * site.channels, **factory)
        self.reduction = pointwise(4 * site.channels, site.out_channels, bias=False, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / 2⌉, ⌈width / 2⌉), padded."""
        right, below = x.shape[3] % 2, x.shape[2] % 2
        # Padding by nothing would still copy the map.
        if right or below:
            x = functional.pad(x, (0, right, 0, below))
        # (row, column) of a patch in the order of Swin's checkpoints.
        corners = [x[:, :, row::2, column::2] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
        return self.reduction(self.norm(torch.cat(corners, dim=1)))
