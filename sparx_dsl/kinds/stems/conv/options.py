"""Options of the stem ``conv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from sparx_dsl.kinds.stems.conv.codes import FIRST_STAGE_TOO_NARROW
from sparx_dsl.kinds.stems.position import EmbeddedStem
from sparx_dsl.language.base import NormName, Problem, Site

MOST_CONVS: Final = 8


class ConvStem(EmbeddedStem, frozen=True):
    """3×3 convolutions, two of stride 2 (SparX-Mamba and VMamba): C/2 channels first, C last.

    A norm follows each convolution and GELU stands between them; ``convs: 3`` puts one of stride 1 in the middle.
    The convolutions have a bias unless the norm is ``batch``.
    """

    kind: Literal["conv"] = "conv"
    convs: Annotated[int, Field(ge=2, le=MOST_CONVS)] = 2
    """How many convolutions there are."""
    norm: NormName = "batch"
    """The norm behind each convolution."""

    @property
    def stride(self) -> int:
        """Two convolutions of stride 2."""
        return 4

    def problems(self, site: Site) -> Iterator[Problem]:
        """Half of the first stage's channels are at least one."""
        if site.out_channels < 2:
            yield Problem(
                "kind",
                FIRST_STAGE_TOO_NARROW,
                "the stem's first convolution has half of the first stage's channels, which must be at least 2, got 1",
                "give the first stage 2 channels or more, or write stem: {kind: patch}",
            )
