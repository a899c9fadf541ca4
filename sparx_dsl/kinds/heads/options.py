"""Options that several heads have in common: classes, and norms on the maps of all stages."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from sparx_dsl.language.base import EPSILON, DropRate, Epsilon, NormName
from sparx_dsl.language.roles import HeadOptions

Classes = Annotated[int, Field(ge=1, le=1_000_000)]


ADE20K_CLASSES = 150


PoolScales = Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(strict=False, min_length=1, max_length=16)]


class SegmentationHead(HeadOptions, frozen=True):
    """What the heads have in common that give every pixel a class: they read all stages, each map under a norm."""

    classes: Classes = ADE20K_CLASSES
    """How many classes there are."""
    norm: NormName = "layer"
    """The norm on each stage's map, which published backbones for dense prediction have (Swin, VMamba, SparX)."""
    eps: Epsilon = EPSILON
    """What these norms add to the variance."""
    dropout: DropRate = 0.0
    """How often a channel is dropped before the classes, in training."""

    later: ClassVar[frozenset[str]] = frozenset({"eps", "dropout"})

    @property
    def reads_all_stages(self) -> bool:
        """True: the head reads the last map of every stage."""
        return True

    def output(self, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
        """One number for each class at each pixel of the image."""
        return (self.classes, *image)
