"""Scales for each channel, on the residual path or on the branch of a part of a layer."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.language.models import LayerScalePlace
from sparx_dsl.nn.init import Factory


class LayerScale(nn.Module):
    """A weight and a bias for each channel, on the residual path (SparX-Mamba's released code)."""

    def __init__(self, channels: int, initial: float, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.initial = initial
        self.weight = nn.Parameter(torch.empty(channels, **factory))
        self.bias = nn.Parameter(torch.empty(channels, **factory))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the weight to its initial value and the bias to zero, in place; nothing on the meta device."""
        if not self.weight.is_meta:
            self.weight.fill_(self.initial)
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return torch.addcmul(self.bias[:, None, None], x, self.weight[:, None, None])

    def added_to(self, branch: Tensor, x: Tensor) -> Tensor:
        """Add the scaled x to a branch of its shape, in place, and give the branch."""
        return branch.addcmul_(x, self.weight[:, None, None]).add_(self.bias[:, None, None])

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return f"{self.weight.shape[0]}, initial={self.initial}"


class BranchScale(nn.Module):
    """A weight for each channel, on the branch (CaiT, Touvron et al. 2021; ConvNeXt)."""

    def __init__(self, channels: int, initial: float, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.initial = initial
        self.weight = nn.Parameter(torch.empty(channels, **factory))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set the weight to its initial value in place; nothing on the meta device."""
        if not self.weight.is_meta:
            self.weight.fill_(self.initial)

    def forward(self, branch: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return branch * self.weight[:, None, None]

    def extra_repr(self) -> str:
        """What ``repr`` says of it."""
        return f"{self.weight.shape[0]}, initial={self.initial}"


class FoldedScale(nn.Module):
    """A weight for each channel, on the residual path; its bias is part of the branch (inference)."""

    def __init__(self, scale: LayerScale) -> None:
        super().__init__()
        self.weight = scale.weight

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return x * self.weight[:, None, None]

    def added_to(self, branch: Tensor, x: Tensor) -> Tensor:
        """Add the scaled x to a branch of its shape, in place, and give the branch."""
        return branch.addcmul_(x, self.weight[:, None, None])


Scale = LayerScale | BranchScale | None
"""What a part of a layer is made with; None stands for the identity."""


def make_layer_scale(channels: int, initial: float | None, on: LayerScalePlace, **factory: Unpack[Factory]) -> Scale:
    """Make the scale on the residual path or on the branch; None stands for the identity."""
    if initial is None:
        return None
    return BranchScale(channels, initial, **factory) if on == "branch" else LayerScale(channels, initial, **factory)
