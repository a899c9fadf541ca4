"""Which convolutions run through operators of ours in training on CPU: large ones in float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparx_dsl.nn.cuda_maps import has_hooks, in_autocast, is_traced, outside_of_transforms
from sparx_dsl.ops.channel_product import channel_product, outruns_blas
from sparx_dsl.ops.forward_mode import has_tangent
from sparx_dsl.ops.plane_operators import plane_convolution, planes_serve

FEWEST = 1 << 18
"""As many multiplications as take longer than the call of an operator of ours."""


def convolved(conv: nn.Module, x: Tensor) -> Tensor:
    """The convolution of x (batch, channels, height, width).

    Where gradients are recorded of a large map in float32 on the CPU, depthwise ones of channels-first maps run through
    this project's kernels, and products over channels through oneDNN where that outruns PyTorch's BLAS: PyTorch takes a
    multiple of the time there. They save what PyTorch's save.
    """
    if isinstance(conv, nn.Conv2d) and records_plainly(x) and is_plain(conv, x):
        size = conv.kernel_size[0]
        if conv.groups == conv.in_channels == conv.out_channels and size > 1 and planes_serve(x, size):
            return plane_convolution(x, conv.weight, conv.bias)
        if conv.groups == size == 1 and outruns_blas():
            return channel_product(x, conv.weight, conv.bias)
    return conv(x)


def records_plainly(x: Tensor) -> bool:
    """Whether gradients are recorded of a tensor on the CPU, of any shape, and nothing but autograd looks on."""
    return (
        x.is_cpu
        and torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and outside_of_transforms()
        and not (has_tangent(x) or is_traced() or in_autocast(x))
        and torch._C._len_torch_dispatch_stack() == 0  # pyright: ignore[reportPrivateUsage]
    )


def is_plain(conv: nn.Conv2d, x: Tensor) -> bool:
    """Whether a convolution keeps the size of x (batch, channels, height, width), large and laid out for kernels.

    It is one of torch's own class, as it was made: what derives from it, or has hooks, does something else.
    """
    size = conv.kernel_size[0]
    return (
        type(conv) is nn.Conv2d
        and x.dim() == 4
        and x.dtype == conv.weight.dtype == torch.float32
        and x.numel() * conv.weight[0].numel() * conv.out_channels >= FEWEST * conv.in_channels
        and (x.is_contiguous() or (size == 1 and x.is_contiguous(memory_format=torch.channels_last)))
        and conv.in_channels == x.shape[1]
        and conv.weight.shape == (conv.out_channels, conv.in_channels // conv.groups, size, size)
        and conv.padding == (size // 2, size // 2)
        and conv.padding_mode == "zeros"
        and conv.stride == conv.dilation == (1, 1)
        and not has_hooks(conv)
    )
