"""Fold BatchNorm into the convolution or product beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.kinds.downsamples.merge.module import PatchMerging
from sparx_dsl.kinds.ffns.conv.module import ConvolutionalFfn
from sparx_dsl.kinds.ffns.mlp.module import PointwiseFfn
from sparx_dsl.kinds.fusions.sca.module import TokenMerging
from sparx_dsl.kinds.heads.linear.module import LinearClassifier
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import ConvNorm
from sparx_dsl.nn.layer import Feeding, NormalMixing

READERS: Mapping[type[nn.Module], str] = {
    NormalMixing: "projection",
    SelectiveScan2D: "out_projection",
    LinearClassifier: "linear",
    PatchMerging: "reduction",
    TokenMerging: "key_value",
}
"""The modules whose ``norm`` is read by one product over the channels of each position only, and where that is.

Other norms stay: what a padded convolution reads after a norm cannot be folded, since it pads with zeros that the norm
has not seen.
"""


@dataclass(frozen=True, slots=True)
class FoldBatchNorm:
    """BatchNorm after a convolution goes into it, BatchNorm before a product over channels goes into that.

    Exact but for rounding: in evaluation BatchNorm is a factor and a summand for each channel (Ioffe and Szegedy 2015).
    """

    name: str = "fold BatchNorm"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, module in modules_of(backbone, ConvNorm):
            if isinstance(module.norm, nn.BatchNorm2d):
                replace(backbone, path, fuse_conv_bn_eval(module.conv, module.norm))
        for kind, reader in READERS.items():
            for path, module in modules_of(backbone, kind):
                _fold_into(backbone, path, module.get_submodule(reader))
        for path, feeding in modules_of(backbone, Feeding):
            # Another kind may read the norm's result elsewhere too.
            if isinstance(feeding.ffn, PointwiseFfn | ConvolutionalFfn):
                _fold_into(backbone, path, feeding.ffn.expansion)

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The convolutions that BatchNorm still follows."""
        for path, module in modules_of(backbone, ConvNorm):
            if isinstance(module.norm, nn.BatchNorm2d):
                yield f"{path} still has its BatchNorm"


def _fold_into(backbone: Backbone, path: str, product: nn.Module) -> None:
    norm = backbone.get_submodule(f"{path}.norm")
    if isinstance(norm, nn.BatchNorm2d) and isinstance(product, nn.Conv2d | nn.Linear):
        fold_before(norm, product)
        replace(backbone, f"{path}.norm", nn.Identity())


@torch.no_grad()
def fold_before(norm: nn.BatchNorm2d, product: nn.Conv2d | nn.Linear) -> None:
    """Let a 1×1 convolution, or a linear layer, read what its BatchNorm would have normalised; in place."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    summand = norm.bias - norm.running_mean * factor
    weight = product.weight.flatten(1)
    shift = weight @ summand
    product.bias = nn.Parameter(shift if product.bias is None else product.bias + shift)
    product.weight = nn.Parameter((weight * factor).reshape(product.weight.shape))
