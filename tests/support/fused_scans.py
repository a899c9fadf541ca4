"""SS2D with drawn weights, its module for inference, and maps as that is given them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from sparx_dsl.inference.deployment import Place
from sparx_dsl.kinds.mixers.ss2d.inference import FusedScan2D
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.language.base import NormName, Site


def channels_last(*shape: int) -> Tensor:
    """A random map with its channels innermost."""
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


def scan_of(kernel: int, norm: NormName = "group") -> SelectiveScan2D:
    """SS2D of 32 channels."""
    torch.manual_seed(0)
    made = SelectiveScan2D(SS2D(state=2, rank=3, conv=kernel), Site(16, 16, norm))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made.eval().requires_grad_(False)


def fused_scan(scan: SelectiveScan2D, *, may_overwrite: bool) -> FusedScan2D:
    """A copy of a scan for inference, at a place where it may or may not overwrite what it is given."""
    return FusedScan2D(copy.deepcopy(scan), Place((1, 1), may_overwrite=may_overwrite))
