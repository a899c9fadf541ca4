"""Options of the fusion ``sra``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from sparx_dsl.kinds.fusions.options import HeadedFusion, Reduction, narrow_projection, reduction_at
from sparx_dsl.language.base import Problem, Site


class SRA(HeadedFusion, frozen=True):
    """The aggregator with PVT's spatial-reduction attention, not the channel-wise one (SparX, section 4.4, "SRA").

    The query keeps its size; key and value are reduced.
    """

    kind: Literal["sra"] = "sra"
    reduction: Reduction = "auto"
    """Spatial reduction of key and value, per side; ``auto`` brings them to the size of the last stage's map."""

    def spatial_reduction(self, site: Site) -> int:
        """The reduction per side at that site."""
        return reduction_at(self.reduction, site)

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally, and the mixer's projection has a channel for each of X, Z, V."""
        yield from super().problems(site)
        yield from narrow_projection(site)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the reduction as a number."""
        return {**super().canonical(site), "reduction": self.spatial_reduction(site)}
