"""Products at every position as linear layers, for tools that know those: int8 by torchao, and others like it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from sparx_dsl.inference.passes.base import Change, Pass, modules_of
from sparx_dsl.inference.passes.channels_last import is_plain
from sparx_dsl.inference.passes.fold_batch_norm import FoldBatchNorm
from sparx_dsl.lowering.backbone import Backbone


class PositionLinear(nn.Module):
    """A 1×1 convolution as ``linear``, over the channels at every position."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        factory = {"device": conv.weight.device, "dtype": conv.weight.dtype}
        self.linear = nn.Linear(conv.in_channels, conv.out_channels, bias=conv.bias is not None, **factory)
        with torch.no_grad():
            self.linear.weight.copy_(conv.weight.flatten(1))
            if conv.bias is not None:
                self.linear.bias.copy_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width), channels-last."""
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class LinearProducts:
    """1×1 convolutions of one group become linear layers."""

    name: str = "linear products"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The 1×1 convolutions that are left."""
        for path, module in modules_of(backbone, nn.Conv2d):
            if is_product(module):
                yield path, partial(PositionLinear, module)


def is_product(module: nn.Conv2d) -> bool:
    """Whether a convolution is a product of all channels at every position: of one place, step and group."""
    one = (1, 1)
    return is_plain(module) and module.kernel_size == module.stride == one and module.groups == 1 \
        and module.padding == (0, 0)  # fmt: skip


QUANTIZABLE: tuple[Pass, ...] = (FoldBatchNorm(), LinearProducts())
"""The passes after which nearly all products are linear layers: ``deploy(model, QUANTIZABLE)``."""
