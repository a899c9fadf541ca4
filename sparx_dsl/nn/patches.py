"""Padding of maps that are read in patches that do not overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def padded_to_patches(x: Tensor, size: int, *, crops: bool) -> Tensor:
    """A map (batch, channels, height, width) padded with zeros, right and below, to patches of ``size``.

    With ``crops`` only a side that is shorter than one patch is padded: what fills no patch is left out by the
    convolution itself.

    On CPU, in types of two bytes, where no gradient is recorded, which would save a copy, the result is channels-first:
    PyTorch's convolution over patches of a channels-last map can give other values there
    (``sparx_dsl.ops.onednn.is_misread``).
    """
    height, width = x.shape[2:]
    right, below = (max(size - width, 0), max(size - height, 0)) if crops else (-width % size, -height % size)
    narrow = x.is_cpu and (x.element_size() == 2 or torch.is_autocast_enabled("cpu"))
    if narrow and size > 1 and not torch.is_grad_enabled():
        x = x.contiguous()
    # Padding by nothing would still copy the map.
    return functional.pad(x, (0, right, 0, below)) if right or below else x
