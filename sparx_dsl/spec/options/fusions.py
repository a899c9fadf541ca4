"""Options of the fusions: how a ganglion layer takes in the features that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions, Problem, Site, divisor_help

Reduction = Annotated[int, Field(ge=1, le=64)] | Literal["auto"]


class FusionOptions(KindOptions, frozen=True):
    """What every fusion does: from the layer's normalised input and the features to the mixer's projection."""


class HeadedFusion(FusionOptions, frozen=True):
    """What the fusions with spatial attention have in common: heads."""

    heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: Annotated[int, Field(ge=1, le=4096)] = 32

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return self.heads if self.heads is not None else channels // self.head_width

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads share the channels out evenly."""
        if self.heads is not None and site.channels % self.heads:
            yield Problem(
                "heads",
                "SPX216",
                f"{self.heads} heads of the fusion do not divide the {site.channels} channels",
                divisor_help("numbers of heads", site.channels, self.heads),
            )
        if self.heads is None and site.channels % self.head_width:
            yield Problem(
                "head_width",
                "SPX217",
                f"the fusion's heads of width {self.head_width} do not divide the {site.channels} channels",
                divisor_help("widths", site.channels, self.head_width),
            )


class DMCA(FusionOptions, frozen=True):
    """Dynamic Multi-layer Channel Aggregator (SparX, section 3.1 and equation 1)."""

    kind: Literal["dmca"] = "dmca"
    groups: Annotated[int, Field(ge=1, le=1024)] = 4
    """G, the groups of the channel-wise cross-attention."""
    reduction: Reduction = "auto"
    """Spatial reduction of query and key, per side; ``auto`` brings them to the size of the last stage's map."""
    shortcut: bool = True
    """Whether X and V stand beside Z in the final mixing; where not, Z is projected alone ("w/o shortcut")."""

    def spatial_reduction(self, site: Site) -> int:
        """The reduction per side at that site."""
        return site.reduction if self.reduction == "auto" else self.reduction

    def problems(self, site: Site) -> Iterator[Problem]:
        """The groups share the channels out evenly, and the mixer's projection has a channel for each of X, Z, V."""
        if site.channels % self.groups:
            yield Problem(
                "groups",
                "SPX213",
                f"{self.groups} groups do not divide the {site.channels} channels",
                divisor_help("numbers of groups", site.channels, self.groups),
            )
        if self.shortcut:
            yield from narrow_projection(site)


class ConcatFusion(FusionOptions, frozen=True):
    """Concatenation of the input and the features, fused by a Conv-FFN (SparX, section 4.4, "Concat").

    1×1 (1 + L)·C → ``ratio``·C, depthwise 3×3, GELU, 1×1 to the mixer's projection; biases everywhere.
    """

    kind: Literal["concat"] = "concat"
    ratio: Annotated[int, Field(ge=1, le=16)] = 2


class NoGcca(FusionOptions, frozen=True):
    """DMCA's query and value concatenated and fused by a Conv-FFN (SparX, section 4.4, "w/o GCCA").

    Query and value as in DMCA, but the features give C channels, the value alone; then 1×1 2·C → ``ratio``·C,
    depthwise 3×3, GELU, 1×1 to the mixer's projection.
    """

    kind: Literal["no_gcca"] = "no_gcca"
    ratio: Annotated[int, Field(ge=1, le=16)] = 1


class SCA(HeadedFusion, frozen=True):
    """FcaFormer's spatial cross-attention to the layer's own tokens and merged ones of the features ("SCA").

    Each feature is merged by a depthwise convolution of stride r = ``merging`` and side 2·r − 1, and scaled by a
    learned factor; one 1×1 L·C → 2·C gives key and value of the merged tokens.
    """

    kind: Literal["sca"] = "sca"
    merging: Annotated[int, Field(ge=1, le=64)] = 4
    """How many times fewer rows, and columns, the merged tokens have; rounded up."""


class SRA(HeadedFusion, frozen=True):
    """DMCA with PVT's spatial-reduction attention in place of the channel-wise one (SparX, section 4.4, "SRA").

    The query keeps its size; key and value are reduced.
    """

    kind: Literal["sra"] = "sra"
    reduction: Reduction = "auto"
    """Spatial reduction of key and value, per side; ``auto`` brings them to the size of the last stage's map."""

    def spatial_reduction(self, site: Site) -> int:
        """The reduction per side at that site."""
        return site.reduction if self.reduction == "auto" else self.reduction

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads share the channels out evenly, and the mixer's projection has a channel for each of X, Z, V."""
        yield from super().problems(site)
        yield from narrow_projection(site)


def narrow_projection(site: Site) -> Iterator[Problem]:
    """The complaint that three groups cannot share the mixer's projection."""
    if site.out_channels < 3:
        yield Problem(
            "kind",
            "SPX214",
            f"this fusion projects in three groups, but the mixer takes only {site.out_channels} channels",
            "write fusion: {kind: concat}, or give the stage or the mixer more channels",
        )
