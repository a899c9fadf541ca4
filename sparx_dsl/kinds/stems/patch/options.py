"""Options of the stem ``patch``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sparx_dsl.kinds.stems.position import EmbeddedStem
from sparx_dsl.language.base import EPSILON, Epsilon, NormName


class PatchStem(EmbeddedStem, frozen=True):
    """One convolution over patches that do not overlap, then a norm (Swin)."""

    kind: Literal["patch"] = "patch"
    size: Annotated[int, Field(ge=1, le=64)] = 4
    """The side of a patch, in pixels."""
    norm: NormName = "layer"
    """The norm behind the convolution."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""

    later: ClassVar[frozenset[str]] = EmbeddedStem.later | {"eps"}

    @property
    def stride(self) -> int:
        """The side of a patch; an image that is no multiple of it is padded with zeros right and below."""
        return self.size
