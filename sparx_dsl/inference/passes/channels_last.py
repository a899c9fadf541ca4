"""Channels-last maps, from the stem to the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch

from sparx_dsl.inference.fused_convolution import fused_convolution
from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import Convolution


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """Convolutions work on channels-last maps; those of 1×1 are products over positions.

    The stem's weights bring images into that layout; every other part keeps the layout that it is given.
    """

    name: str = "channels last"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, conv in plain_convolutions(backbone):
            replace(backbone, path, fused_convolution(conv))
        # The types that torch declares for this call do not know the layout.
        cast(Any, backbone).to(memory_format=torch.channels_last)

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The convolutions that still are those of training."""
        for path, _ in plain_convolutions(backbone):
            yield f"{path} is still a convolution for training"


def plain_convolutions(backbone: Backbone) -> Iterator[tuple[str, Convolution]]:
    """The convolutions, with their paths, that one for inference can stand for.

    Those of other kinds may be more than a convolution, or pad with other numbers than zeros.
    """
    for path, conv in modules_of(backbone, Convolution):
        if type(conv) is Convolution and conv.padding_mode == "zeros" and not isinstance(conv.padding, str):
            yield path, conv
