"""Options of the head ``upernet``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.heads.options import PoolScales, SegmentationHead
from sparx_dsl.language.base import Channels


class UPerNet(SegmentationHead, frozen=True):
    """UPerNet (Xiao et al. 2018): pyramid pooling on the last map, a feature pyramid, all levels fused."""

    kind: Literal["upernet"] = "upernet"
    pyramid_channels: Channels = 512
    """Channels of everything between the maps and the classes."""
    pools: PoolScales = (1, 2, 3, 6)
    """The last map is averaged over that many parts of each side."""
    auxiliary: bool = True
    """Whether, in training, a second result is made of the last stage's map but one, for a loss of its own."""
    auxiliary_channels: Channels = 256
    """Channels of the convolution that makes the second result."""
