"""Fold x + conv(x) into one depthwise convolution, and the summand of a layer's scale into the branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.kinds.ffns.conv.module import ConvolutionalFfn
from sparx_dsl.kinds.ffns.mlp.module import PointwiseFfn
from sparx_dsl.kinds.mixers.sequence_scan import GatedScan
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import Convolution
from sparx_dsl.nn.layer import Dpe, Feeding, FoldedScale, GanglionMixing, LayerScale, NormalMixing, Residual


@dataclass(frozen=True, slots=True)
class FoldResidualConvolutions:
    """The identity beside a depthwise convolution becomes a one in its kernel's centre (RepVGG, Ding et al. 2021)."""

    name: str = "fold residual convolutions"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, dpe in modules_of(backbone, Dpe):
            add_identity(dpe.conv)
            replace(backbone, path, dpe.conv)
        for _, ffn in modules_of(backbone, ConvolutionalFfn):
            if not ffn.folded:
                add_identity(ffn.conv)
                ffn.folded = True

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The residuals that still are sums of their own."""
        yield from (f"{path} is still a sum" for path, _ in modules_of(backbone, Dpe))
        yield from (f"{path} is still a sum" for path, ffn in modules_of(backbone, ConvolutionalFfn) if not ffn.folded)


@torch.no_grad()
def add_identity(conv: Convolution) -> None:
    """Let a depthwise convolution of odd kernel and equal size add what it reads; in place."""
    rows, columns = conv.kernel_size[0], conv.kernel_size[1]
    assert conv.groups == conv.in_channels == conv.out_channels
    conv.weight[:, 0, rows // 2, columns // 2] += 1


@dataclass(frozen=True, slots=True)
class SumInPlace:
    """The sum of residual and branch is written over the branch, a tensor of its own that nothing else reads.

    The summand of a scale on the residual becomes part of the branch's last bias, so that one pass over memory scales
    and sums. Branches of kinds that end otherwise than this project's stay as they are: they may hand out their input.
    """

    name: str = "residual sums in place"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for _, residual in modules_of(backbone, Residual):
            last = last_product(residual)
            if last is None:
                continue
            residual.in_place = True
            if isinstance(residual.layer_scale, LayerScale):
                summand = residual.layer_scale.bias.detach()
                last.bias = nn.Parameter(summand.clone() if last.bias is None else last.bias.detach() + summand)
                residual.layer_scale = FoldedScale(residual.layer_scale)

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The residuals whose sums still are tensors of their own."""
        for path, residual in modules_of(backbone, Residual):
            if not residual.in_place and last_product(residual) is not None:
                yield f"{path} does not sum in place"


def last_product(residual: Residual) -> Convolution | None:
    """The convolution that gives the branch, or None where that is not known."""
    branch: nn.Module | None = None
    if isinstance(residual, Feeding) and isinstance(residual.ffn, PointwiseFfn | ConvolutionalFfn):
        branch = residual.ffn.contraction
    elif isinstance(residual, NormalMixing | GanglionMixing):
        mixer = residual.mixer
        if isinstance(mixer, SelectiveScan2D | GatedScan | WindowedAttention):
            branch = mixer.out_projection
    return branch if isinstance(branch, Convolution) else None
