"""Channels-last maps, from the stem to the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard, cast

import torch
from torch import nn

from sparx_dsl.inference.fused_convolution import fused_convolution
from sparx_dsl.inference.passes.base import Change, modules_of
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.init import WEIGHT_STD_ATTRIBUTE


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """Convolutions work on channels-last maps; those of 1×1 are products over positions.

    The stem's weights bring images into that layout; every other part keeps the layout that it is given.
    """

    name: str = "channels last"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The convolutions that still are those of training, and other modules whose weights lie otherwise."""
        for path, module in modules_of(backbone, nn.Module):
            if is_plain(module) or any(map(lies_otherwise, module.parameters(recurse=False))):
                yield path, partial(channels_last, module)


def is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that one for inference can stand for: of this project, and as it was made.

    Those of other classes may be more than a convolution, or pad with other numbers than zeros; those of other
    packages may be followed by code that needs their results in another memory layout.
    """
    made_here = type(module) is nn.Conv2d and WEIGHT_STD_ATTRIBUTE in vars(module)
    return made_here and module.padding_mode == "zeros" and not isinstance(module.padding, str)


def lies_otherwise(weight: torch.Tensor) -> bool:
    """Whether a weight, of any shape, could be channels-last and is not."""
    return weight.dim() == 4 and not weight.is_contiguous(memory_format=torch.channels_last)


def channels_last(module: nn.Module) -> nn.Module:
    """The module with channels-last weights, or the convolution for inference that stands for it."""
    made: Any = fused_convolution(module) if is_plain(module) else module
    # The types that torch declares for this call do not know the layout.
    return cast(nn.Module, made.to(memory_format=torch.channels_last))
