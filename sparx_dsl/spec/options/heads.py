"""Options of the heads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions, NormName


class HeadOptions(KindOptions, frozen=True):
    """What every head is: it reads the last stage's feature."""

    def output(self, channels: int, height: int, width: int) -> tuple[int, ...]:
        """The shape, without the batch, of what the head makes of a (channels, height, width) map."""
        raise NotImplementedError


class LinearHead(HeadOptions, frozen=True):
    """Norm, mean over positions, one linear layer."""

    kind: Literal["linear"] = "linear"
    classes: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    norm: NormName | None = None
    """By default the norm that the backbone's ``layer`` has."""

    def output(self, channels: int, height: int, width: int) -> tuple[int, ...]:
        """One number for each class."""
        return (self.classes,)


class NoHead(HeadOptions, frozen=True):
    """No head: the backbone gives the last stage's feature map."""

    kind: Literal["none"] = "none"
