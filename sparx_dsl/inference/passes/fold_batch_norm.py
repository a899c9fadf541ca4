"""Fold BatchNorm into the convolution or product beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sparx_dsl.inference.fused_convolution import is_product_over_channels
from sparx_dsl.inference.kind_parts import kind_parts
from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import ConvNorm
from sparx_dsl.nn.layer import Feeding, NormalMixing


@dataclass(frozen=True, slots=True)
class FoldBatchNorm:
    """BatchNorm after a convolution goes into it, BatchNorm before a product over channels goes into that.

    Exact but for rounding: in evaluation BatchNorm is a scale and a shift for each channel (Ioffe and Szegedy 2015).
    Other norms stay: what a padded convolution reads after a norm cannot be folded, since it pads with zeros that the
    norm has not seen.
    """

    name: str = "fold BatchNorm"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, module in modules_of(backbone, ConvNorm):
            if isinstance(module.norm, nn.BatchNorm2d):
                replace(backbone, path, fuse_conv_bn_eval(module.conv, module.norm))
        for path, product in only_readers(backbone):
            norm = backbone.get_submodule(path)
            if isinstance(norm, nn.BatchNorm2d) and is_product_over_channels(product):
                fold_before(norm, product)
                replace(backbone, path, nn.Identity())

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The convolutions that BatchNorm still follows."""
        for path, module in modules_of(backbone, ConvNorm):
            if isinstance(module.norm, nn.BatchNorm2d):
                yield f"{path} still has its BatchNorm"


def only_readers(backbone: Backbone) -> Iterator[tuple[str, nn.Module]]:
    """The paths of norms that one product alone reads, with the product."""
    for path, mixing in modules_of(backbone, NormalMixing):
        yield f"{path}.norm", mixing.projection
    for part in kind_parts(backbone):
        for path, module, stated in part.modules():
            if stated.norm_reader:
                yield f"{path}.norm", module.get_submodule(stated.norm_reader)
        if isinstance(part.module, Feeding):
            ffn = part.module.ffn
            if part.of(ffn).input_reader:
                yield f"{part.path}.norm", ffn.get_submodule(part.of(ffn).input_reader)


@torch.no_grad()
def fold_before(norm: nn.BatchNorm2d, product: nn.Conv2d | nn.Linear) -> None:
    """Let a 1×1 convolution, or a linear layer, read what its BatchNorm would have normalised; in place."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    weight = product.weight.flatten(1)
    bias = weight @ shift
    product.bias = nn.Parameter(bias if product.bias is None else product.bias + bias)
    product.weight = nn.Parameter((weight * scale).reshape(product.weight.shape))
