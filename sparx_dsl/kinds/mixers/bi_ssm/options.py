"""Options of the token mixer ``bi_ssm``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.mixers.options import SequenceMixer


class BiSSM(SequenceMixer, frozen=True):
    """Vim's bidirectional block (v2): a second scan with weights of its own reads the sequence backwards."""

    kind: Literal["bi_ssm"] = "bi_ssm"
    halve: bool = False
    """Whether the sum of the two directions is halved."""
