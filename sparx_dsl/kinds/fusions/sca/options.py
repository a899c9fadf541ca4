"""Options of the fusion ``sca``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.kinds.fusions.options import HeadedFusion


class SCA(HeadedFusion, frozen=True):
    """FcaFormer's spatial cross-attention to the layer's own tokens and merged ones of the features ("SCA").

    Each feature is merged by a depthwise convolution of stride r = ``merging`` and side 2·r − 1, and scaled by a
    learned factor; one 1×1 L·C → 2·C gives key and value of the merged tokens.
    """

    kind: Literal["sca"] = "sca"
    merging: Annotated[int, Field(ge=1, le=64)] = 4
    """How many times fewer rows, and columns, the merged tokens have; rounded up."""
