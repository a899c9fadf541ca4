"""The norms of the language, all over maps (batch, channels, height, width).

On channels-last maps on a CUDA device, for which PyTorch has no kernels of GroupNorm and LayerNorm, these two go
through ours (``sparx_dsl.ops.map_operators``). Under autocast those keep the map's dtype, and compute in float32.
"""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.language.base import EPSILON, NormName
from sparx_dsl.nn.cuda_maps import kernels_serve
from sparx_dsl.nn.init import Factory
from sparx_dsl.ops import map_operators


class WholeMapNorm(nn.GroupNorm):
    """GroupNorm of one group: over channels, height and width of a (batch, channels, height, width) map."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; the shape stays."""
        if kernels_serve(input):
            return map_operators.group_norm(input, self.weight, self.bias, self.eps)[0]
        return super().forward(input)


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each position of a (batch, channels, height, width) map."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; the shape stays."""
        if kernels_serve(input):
            return map_operators.layer_norm(input, self.weight, self.bias, self.eps)
        positions = input.permute(0, 2, 3, 1)
        normed = functional.layer_norm(positions, self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


class ChannelRmsNorm(nn.RMSNorm):
    """RMSNorm over the channels of a map (batch, channels, height, width) (Zhang and Sennrich 2019)."""

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the root mean square; the shape stays."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def make_norm(name: NormName, channels: int, eps: float = EPSILON, **factory: Unpack[Factory]) -> nn.Module:
    """Make the norm of that name: ``group`` (over C, H and W), ``layer`` or ``rms`` (over C), or ``batch``."""
    if name == "group":
        return WholeMapNorm(1, channels, eps=eps, **factory)
    if name == "layer":
        return ChannelNorm(channels, eps=eps, **factory)
    if name == "rms":
        return ChannelRmsNorm(channels, eps=eps, **factory)
    return nn.BatchNorm2d(channels, eps=eps, **factory)
