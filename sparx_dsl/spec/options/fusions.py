"""Options of the fusions: how a ganglion layer takes in the features that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions, Problem, Site, divisor_help


class FusionOptions(KindOptions, frozen=True):
    """What every fusion does: from the layer's normalised input and the features to the mixer's projection."""


class DMCA(FusionOptions, frozen=True):
    """Dynamic Multi-layer Channel Aggregator (SparX, section 3.1 and equation 1)."""

    kind: Literal["dmca"] = "dmca"
    groups: Annotated[int, Field(ge=1, le=1024)] = 4
    """G, the groups of the channel-wise cross-attention."""
    reduction: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    """Spatial reduction of query and key, per side; ``auto`` brings them to the size of the last stage's map."""

    def spatial_reduction(self, site: Site) -> int:
        """The reduction per side at that site."""
        return site.reduction if self.reduction == "auto" else self.reduction

    def problems(self, site: Site) -> Iterator[Problem]:
        """The groups share the channels out evenly."""
        if site.channels % self.groups:
            yield Problem(
                "groups",
                "SPX213",
                f"{self.groups} groups do not divide the {site.channels} channels",
                divisor_help("numbers of groups", site.channels, self.groups),
            )


class ConcatFusion(FusionOptions, frozen=True):
    """Concatenation of the input and the features, fused by a Conv-FFN (SparX, section 4.4, "Concat").

    1×1 (1 + L)·C → ``ratio``·C, depthwise 3×3, GELU, 1×1 to the mixer's projection; biases everywhere.
    """

    kind: Literal["concat"] = "concat"
    ratio: Annotated[int, Field(ge=1, le=16)] = 2
