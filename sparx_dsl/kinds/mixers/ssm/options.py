"""Options of the token mixer ``ssm``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.mixers.options import SequenceMixer


class SSM(SequenceMixer, frozen=True):
    """The vanilla Mamba block (Gu and Dao 2024) over the map's positions in rows."""

    kind: Literal["ssm"] = "ssm"
