"""Options that several fusions have in common: heads, and the reduction of maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sparx_dsl.kinds.fusions.codes import (
    HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
    HEADS_NOT_DIVIDING_CHANNELS,
    PROJECTION_TOO_NARROW,
)
from sparx_dsl.language.base import Problem, Site, divisor_help
from sparx_dsl.language.roles import FusionOptions

Reduction = Annotated[int, Field(ge=1, le=64)] | Literal["auto"]


class HeadedFusion(FusionOptions, frozen=True):
    """What the fusions with spatial attention have in common: heads."""

    heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: Annotated[int, Field(ge=1, le=4096)] = 32

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return self.heads if self.heads is not None else channels // self.head_width

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally."""
        if self.heads is not None and site.channels % self.heads:
            yield Problem(
                "heads",
                HEADS_NOT_DIVIDING_CHANNELS,
                f"{self.heads} heads of the fusion do not divide the {site.channels} channels",
                divisor_help("numbers of heads", site.channels, self.heads),
            )
        if self.heads is None and site.channels % self.head_width:
            yield Problem(
                "head_width",
                HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
                f"the fusion's heads of width {self.head_width} do not divide the {site.channels} channels",
                divisor_help("widths", site.channels, self.head_width),
            )

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given."""
        found = {**super().canonical(site), "heads": self.head_count(site.channels)}
        del found["head_width"]
        return found


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
