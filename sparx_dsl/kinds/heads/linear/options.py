"""Options of the head ``linear``."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sparx_dsl.kinds.heads.options import Classes
from sparx_dsl.language.base import EPSILON, Epsilon, NormName, Site
from sparx_dsl.language.roles import HeadOptions


class LinearHead(HeadOptions, frozen=True):
    """Norm, if there is one, mean over positions, one linear layer; or the mean first."""

    kind: Literal["linear"] = "linear"
    classes: Classes = 1000
    """How many classes there are."""
    norm: NormName | Literal["none"] | None = None
    """By default the norm that the backbone's ``layer`` has; ``none`` behind a last stage that ends with one."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""
    pool_first: bool = False
    """Whether the mean is taken before the norm (ConvNeXt)."""

    later: ClassVar[frozenset[str]] = frozenset({"eps", "pool_first"})

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class."""
        return (self.classes,)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the norm by name."""
        return {**super().canonical(site), "norm": self.norm or site.norm}
