"""Run norms and depthwise convolutions through this project's operators for CUDA, and pad products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from sparx_dsl.inference.fused_convolution import FusedConvolution, PositionLinear
from sparx_dsl.inference.fused_norm import is_whole_map_norm
from sparx_dsl.inference.map_modules import ALIGNED, MapDepthwise, MapLayerNorm, MapNorm, PaddedProduct
from sparx_dsl.inference.passes.base import Change, modules_of
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.norm import ChannelNorm


@dataclass(frozen=True, slots=True)
class MapKernels:
    """GroupNorm, LayerNorm and depthwise convolutions, strided ones too, run as one operator each.

    PyTorch's norms have no kernels for channels-last maps on CUDA, and its convolutions none with an activation.
    """

    name: str = "map kernels"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The convolutions and norms that an operator could stand for."""
        for path, conv in modules_of(backbone, FusedConvolution):
            if type(conv) is FusedConvolution and has_operator(conv):
                yield path, partial(MapDepthwise, conv)
        for path, norm in modules_of(backbone, nn.GroupNorm):
            if is_whole_map_norm(norm):
                yield path, partial(MapNorm, norm)
        for path, norm in modules_of(backbone, ChannelNorm):
            if type(norm) is ChannelNorm and len(list(norm.parameters())) == 2:
                yield path, partial(MapLayerNorm, norm)


@dataclass(frozen=True, slots=True)
class PadProducts:
    """1×1 convolutions whose channels are no multiple of eight are padded with zeros."""

    name: str = "pad products"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The products that tensor cores cannot run on their fast path."""
        for path, product in modules_of(backbone, PositionLinear):
            if product.in_channels % ALIGNED or product.out_channels % ALIGNED:
                yield path, partial(PaddedProduct, product)


def has_operator(conv: nn.Conv2d) -> bool:
    """Whether a convolution is depthwise, of an odd square kernel that pads by its half, with equal strides."""
    size, stride = conv.kernel_size[0], conv.stride[0]
    return (
        conv.groups == conv.in_channels == conv.out_channels
        and size % 2 == 1
        and conv.kernel_size == (size, size)
        and conv.padding == (size // 2, size // 2)
        and conv.stride == (stride, stride)
        and conv.dilation == (1, 1)
    )
