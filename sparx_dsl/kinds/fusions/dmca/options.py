"""Options of the fusion ``dmca``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sparx_dsl.kinds.fusions.dmca.codes import GROUPS_NOT_DIVIDING_CHANNELS
from sparx_dsl.kinds.fusions.options import Reduction, narrow_projection, reduction_at
from sparx_dsl.language.base import Problem, Site, divisor_help
from sparx_dsl.language.roles import FusionOptions


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
        return reduction_at(self.reduction, site)

    def problems(self, site: Site) -> Iterator[Problem]:
        """The groups divide the channels equally, and the mixer's projection has a channel for each of X, Z, V."""
        if site.channels % self.groups:
            yield Problem(
                "groups",
                GROUPS_NOT_DIVIDING_CHANNELS,
                f"{self.groups} groups do not divide the {site.channels} channels",
                divisor_help("numbers of groups", site.channels, self.groups),
            )
        if self.shortcut:
            yield from narrow_projection(site)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the reduction as a number."""
        return {**super().canonical(site), "reduction": self.spatial_reduction(site)}
