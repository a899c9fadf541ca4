"""Options of the heads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions, NormName


class HeadOptions(KindOptions):
    """What every head is: it reads the last stage's feature."""


class LinearHead(HeadOptions):
    """Norm, mean over positions, one linear layer."""

    kind: Literal["linear"] = "linear"
    classes: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    norm: NormName | None = None
    """By default the norm that the backbone's ``layer`` has."""


class NoHead(HeadOptions):
    """No head: the backbone gives the last stage's feature map."""

    kind: Literal["none"] = "none"
