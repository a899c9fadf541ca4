"""Options of the head ``linear``."""

from __future__ import annotations

from typing import Any, Literal

from sparx_dsl.kinds.heads.options import Classes
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.language.roles import HeadOptions


class LinearHead(HeadOptions, frozen=True):
    """Norm, mean over positions, one linear layer."""

    kind: Literal["linear"] = "linear"
    classes: Classes = 1000
    """How many classes there are."""
    norm: NormName | None = None
    """By default the norm that the backbone's ``layer`` has."""

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class."""
        return (self.classes,)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the norm by name."""
        return {**super().canonical(site), "norm": self.norm or site.norm}
