"""Options that several fusions have in common: heads, and the reduction of maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sparx_dsl.kinds.attention_heads import Heads, HeadWidth, head_count, head_problems, with_head_count
from sparx_dsl.kinds.fusions.codes import (
    HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
    HEADS_NOT_DIVIDING_CHANNELS,
    PROJECTION_TOO_NARROW,
)
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.roles import FusionOptions

Reduction = Annotated[int, Field(ge=1, le=64)] | Literal["auto"]
"""Spatial reduction per side; ``auto`` brings maps to the size of the last stage's."""


def reduction_at(reduction: Reduction, site: Site) -> int:
    """The reduction per side at that site."""
    return site.reduction if reduction == "auto" else reduction


class HeadedFusion(FusionOptions, frozen=True):
    """What the fusions with spatial attention have in common: heads."""

    heads: Heads = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: HeadWidth = 32
    """Channels of a head, where ``heads`` is not given."""

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return head_count(self, channels)

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally."""
        codes = (HEADS_NOT_DIVIDING_CHANNELS, HEAD_WIDTH_NOT_DIVIDING_CHANNELS)
        return head_problems(self, site.channels, codes, counted="heads of the fusion", sized="the fusion's heads")

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given."""
        return with_head_count(super().canonical(site), self, site.channels)


def narrow_projection(site: Site) -> Iterator[Problem]:
    """The problem that three groups cannot share the mixer's projection."""
    if site.out_channels < 3:
        yield Problem(
            "kind",
            PROJECTION_TOO_NARROW,
            "the fusion's projection has three groups, so the mixer must take at least 3 channels, "
            f"got {site.out_channels}",
            "write fusion: {kind: concat}, or give the stage or the mixer more channels",
        )
