"""Options of the stem ``patch``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from sparx_dsl.kinds.stems.position import EmbeddedStem
from sparx_dsl.language.base import EPSILON, Epsilon, NormName, Remainder, Site
from sparx_dsl.language.shrinking import Shrinking, Shrinkings

CONV_CHANNELS: Final = 64
"""Channels of the convolutions in front of the patches."""


class PatchStem(EmbeddedStem, frozen=True):
    """One convolution over patches that do not overlap, then a norm (Swin).

    With ``convs``, patches of the map that 7×7 of stride 2 and then 3×3 convolutions make, without bias, BatchNorm and
    ReLU behind each (LV-ViT, Jiang et al. 2021; PlainMamba).
    """

    kind: Literal["patch"] = "patch"
    size: Annotated[int, Field(ge=1, le=64)] = 4
    """The side of a patch, in pixels, or in positions of the map of ``convs``."""
    norm: NormName | Literal["none"] = "layer"
    """The norm behind the convolution."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""

    convs: Annotated[int, Field(ge=0, le=8)] = 0
    """How many convolutions stand in front."""
    remainder: Remainder = "pad"
    """Whether rows and columns that fill no patch are padded with zeros, right and below, or left out."""

    later: ClassVar[frozenset[str]] = EmbeddedStem.later | {"eps", "convs", "remainder"}

    @property
    def stride(self) -> int:
        """The side of a patch, twice that behind ``convs``."""
        return self.size * (2 if self.convs else 1)

    @property
    def shrinkings(self) -> Shrinkings:
        """Of the first convolution in front, and of the patches."""
        patches = Shrinking(self.size, self.remainder == "crop")
        return (Shrinking(2), patches) if self.convs else (patches,)

    def canonical(self, site: Site) -> dict[str, Any]:
        """Without the remainder where patches of one position leave none."""
        values = super().canonical(site)
        return {key: value for key, value in values.items() if key != "remainder" or self.size > 1}
