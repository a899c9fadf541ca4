"""Options of the token mixer ``depthwise``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.depthwise.codes import EVEN_DEPTHWISE_KERNEL
from sparx_dsl.kinds.mixers.options import MapMixer
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.ratios import Ratio


class DepthwiseBlock(MapMixer, frozen=True):
    """A depthwise convolution, the layer's norm, and an MLP: the block of ConvNeXt, whose layers have no other FFN."""

    kind: Literal["depthwise"] = "depthwise"
    kernel: Annotated[int, Field(ge=1, le=63)] = 7
    """Side of the convolution, odd."""
    ratio: Ratio = 4
    """The MLP's hidden channels are this many times the layer's."""

    def problems(self, site: Site) -> Iterator[Problem]:
        """An odd kernel keeps the map's size."""
        del site
        if self.kernel % 2 == 0:
            message = f"kernel size must be odd to keep the map's size, got {self.kernel}"
            help = f"write {self.kernel - 1} or {self.kernel + 1}"
            yield Problem("kernel", EVEN_DEPTHWISE_KERNEL, message, help)
