"""Options of the head ``mlp_classifier``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.heads.options import Classes
from sparx_dsl.language.base import EPSILON, Epsilon
from sparx_dsl.language.ratios import Ratio
from sparx_dsl.language.roles import HeadOptions


class MlpClassifierHead(HeadOptions, frozen=True):
    """Mean over positions, a linear layer to ``ratio`` times the channels, GELU, LayerNorm, one more linear layer."""

    kind: Literal["mlp_classifier"] = "mlp_classifier"
    classes: Classes = 1000
    """How many classes there are."""
    ratio: Ratio = 3
    """The hidden numbers are this many times the channels."""
    eps: Epsilon = EPSILON
    """What the norm adds to the variance."""

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class."""
        return (self.classes,)
