"""Options of the feed-forward network ``none``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.roles import FfnOptions


class NoFfn(FfnOptions, frozen=True):
    """No feed-forward network: the layer ends with its token mixer."""

    kind: Literal["none"] = "none"
