"""Fold BatchNorm into the convolution or product beside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sparx_dsl.inference.fused_convolution import is_product_over_channels
from sparx_dsl.inference.kind_parts import kind_parts
from sparx_dsl.inference.passes.base import Change, modules_of
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

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The convolutions with a BatchNorm behind them, and the BatchNorms that one product alone reads."""
        for path, module in modules_of(backbone, ConvNorm):
            if is_foldable(module.norm):
                yield path, partial(fold_behind, module.conv, module.norm)
        for path, product in only_readers(backbone):
            norm = backbone.get_submodule(path)
            if is_foldable(norm) and product is not None and is_product_over_channels(product):
                yield path, partial(fold_before, norm, product)


def is_foldable(norm: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    """Whether a norm is a fixed scale and shift in evaluation: BatchNorm with running statistics and parameters."""
    return isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.affine


def only_readers(backbone: Backbone) -> Iterator[tuple[str, nn.Module | None]]:
    """The paths of norms, with the product that alone reads each, where that is known."""
    for path, mixing in modules_of(backbone, NormalMixing):
        yield f"{path}.norm", mixing.projection
    for part in kind_parts(backbone):
        if isinstance(part.module, Feeding):
            ffn = part.module.ffn
            yield f"{part.path}.norm", part.product(ffn, part.facts(ffn).input_reader)
        for path, module, facts in part.modules():
            if facts.norm_reader:
                yield f"{path}.norm", part.product(module, facts.norm_reader)


def fold_behind(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """A convolution that gives what its BatchNorm would have made of the result."""
    dtype = conv.weight.dtype
    folded = fuse_conv_bn_eval(copy.deepcopy(conv).double(), copy.deepcopy(norm).double())
    return folded.to(dtype)


@torch.no_grad()
def fold_before(norm: nn.BatchNorm2d, product: nn.Conv2d | nn.Linear) -> nn.Identity:
    """Let a product over channels read what its BatchNorm would have normalised; gives what stands for the norm."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    dtype = product.weight.dtype
    # In bfloat16 each of these would be rounded by itself.
    scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    shift = norm.bias.double() - norm.running_mean.double() * scale
    weight = product.weight.flatten(1).double()
    bias = weight @ shift if product.bias is None else product.bias.double() + weight @ shift
    product.bias = nn.Parameter(bias.to(dtype))
    product.weight = nn.Parameter((weight * scale).reshape(product.weight.shape).to(dtype))
    return nn.Identity()
