"""Padding of maps that are read in patches that do not overlap."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def padded_to_patches(x: Tensor, size: int, *, crops: bool) -> Tensor:
    """A map (batch, channels, height, width) padded with zeros, right and below, to patches of ``size``.

    With ``crops`` only a side that is shorter than one patch is padded: what fills no patch is left out by the
    convolution itself.
    """
    height, width = x.shape[2:]
    right, below = (max(size - width, 0), max(size - height, 0)) if crops else (-width % size, -height % size)
    # Padding by nothing would still copy the map.
    return functional.pad(x, (0, right, 0, below)) if right or below else x
