"""Maps with their channels side by side in memory, from the stem to the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch

from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import Convolution
from sparx_dsl.nn.fused import as_inference


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """Convolutions work on channels-last maps; those of 1×1 are products over positions, and GELU is fused to both.

    The stem's weights bring images into that layout; every other part keeps the layout that it is given.
    """

    name: str = "channels last"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, conv in plain_convolutions(backbone):
            replace(backbone, path, as_inference(conv))
        for _, scan in modules_of(backbone, SelectiveScan2D):
            # The scan for CPUs reads the weights of neighbouring channels at once, too.
            scan.dt_weight.data = scan.dt_weight.data.transpose(1, 2).contiguous().transpose(1, 2)
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
