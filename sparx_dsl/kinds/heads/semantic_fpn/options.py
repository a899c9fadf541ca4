"""Options of the head ``semantic_fpn``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.heads.options import SegmentationHead
from sparx_dsl.language.base import Channels


class SemanticFpn(SegmentationHead, frozen=True):
    """The semantic branch of Panoptic FPN (Kirillov et al. 2019), with BatchNorm.

    A feature pyramid, each level brought to the first map's size by 3×3 convolutions, BatchNorm, ReLU and bilinear
    upsampling; the sum of the levels is classified by a 1×1 convolution.
    """

    kind: Literal["semantic_fpn"] = "semantic_fpn"
    pyramid_channels: Channels = 256
    """Channels of the pyramid."""
    head_channels: Channels = 128
    """Channels of the convolutions behind the pyramid."""
