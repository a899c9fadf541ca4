"""Modules for inference on CUDA: norms, depthwise convolutions and products of channels-last maps.

Norms and depthwise convolutions are operators that Triton's kernels serve (``sparx_dsl.ops.map_operators``); on a
device that has no kernels they run in plain PyTorch. They have derivatives, and compile.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.inference.fused_convolution import Activation, FusedConvolution
from sparx_dsl.inference.stand_in import StandIn
from sparx_dsl.nn.cuda_maps import as_autocast, outside_of_transforms
from sparx_dsl.nn.norm import ChannelNorm
from sparx_dsl.ops import map_operators

ALIGNED = 8
"""The channels of a product on tensor cores are a multiple of this: 16 bytes in bfloat16 and float16."""


class MapDepthwise(FusedConvolution):
    """A depthwise convolution padded by half its odd kernel, with its bias and activation in one pass over the map.

    Its parameters are those of ``nn.Conv2d``; the weight lies in memory with the channels of each tap contiguous.
    """

    packs = ()

    def __init__(self, conv: FusedConvolution) -> None:
        super().__init__(conv)
        taps = conv.weight.detach().permute(2, 3, 1, 0).contiguous()
        self.weight = nn.Parameter(taps.permute(3, 2, 0, 1), requires_grad=conv.weight.requires_grad)

    def is_ready(self, x: Tensor) -> bool:
        """No, for any map (batch, channels, height, width): the operator has derivatives, and is called as one."""
        return False

    def fusable(self, x: Tensor) -> bool:
        """Whether the operator gives what the convolution of x (batch, channels, height, width) would."""
        return outside_of_transforms()

    def fused(self, x: Tensor, activation: Activation, *, may_overwrite: bool = False) -> Tensor:
        """The convolution of x (batch, channels, height, width), and its activation; never in place."""
        given = as_autocast(x)
        return map_operators.depthwise(given, self.weight, self.bias, self.stride[0], False, activation)

    def of_interleaved(self, maps: tuple[Tensor, Tensor, Tensor], activation: Activation) -> Tensor:
        """The same of three maps (batch, channels / 3, height, width), concatenated and interleaved, without a copy."""
        first, second, third = (as_autocast(each) for each in maps)
        return map_operators.interleaved_depthwise(first, second, third, self.weight, self.bias, activation)


class MapNorm(StandIn, nn.GroupNorm):
    """GroupNorm of one group."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape, channels-last."""
        if input.dim() != 4 or not outside_of_transforms():
            return super().forward(input)
        return map_operators.group_norm(input, self.weight, self.bias, self.eps)[0]


class MapLayerNorm(StandIn, ChannelNorm):
    """LayerNorm over channels."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape, channels-last."""
        if input.dim() != 4 or not outside_of_transforms():
            return super().forward(input)
        return map_operators.layer_norm(input, self.weight, self.bias, self.eps)


class PaddedProduct(StandIn, nn.Conv2d):
    """A 1×1 convolution whose weight is padded with zeros to multiples of eight channels, once.

    Products of other sizes cannot use the fast path of tensor cores. The map is padded in each call where its channels
    are no such multiple; the result is the first channels of a wider map.
    """

    def __init__(self, product: nn.Conv2d) -> None:
        super().__init__(product)
        self.filled = -self.in_channels % ALIGNED
        rows = -self.out_channels % ALIGNED
        weight = functional.pad(product.weight.detach().flatten(1), (0, self.filled, 0, rows))
        bias = None if product.bias is None else functional.pad(product.bias.detach(), (0, rows))
        self.weight = nn.Parameter(weight[:, :, None, None], requires_grad=product.weight.requires_grad)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=product.weight.requires_grad)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width)."""
        positions = input.permute(0, 2, 3, 1)
        if self.filled:
            positions = functional.pad(positions, (0, self.filled))
        found = functional.linear(positions, self.weight.flatten(1), self.bias)
        return found[..., : self.out_channels].permute(0, 3, 1, 2)
