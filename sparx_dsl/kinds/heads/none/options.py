"""Options of the head ``none``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.language.roles import HeadOptions


class NoHead(HeadOptions, frozen=True):
    """No head: the backbone gives the last stage's feature map."""

    kind: Literal["none"] = "none"
