"""Which format a checkpoint has, from the names of its tensors alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from sparx_dsl.errors import Diagnostic, SparxError, Where, did_you_mean, quoted
from sparx_dsl.weights.backbone_summary import OUR_LAYER
from sparx_dsl.weights.names import Format
from sparx_dsl.weights.report import shortened

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_SIGNS: Final[Mapping[Format, re.Pattern[str]]] = {
    "sparx_dsl": OUR_LAYER,
    "sparx_mamba": re.compile(r"^layers\.\d+\.blocks\.\d+\.(?:pos_embed|mlp\.dwconv)\."),
    "vmamba": re.compile(r"^classifier\.(?:norm|head)\.|^layers\.\d+\.blocks\.\d+\.op\.(?:A_logs)$"),
    "swin": re.compile(r"^layers\.\d+\.blocks\.\d+\.attn\.relative_position_bias_table$"),
}
"""Names that only this format has; SparX-Mamba has VMamba's, so it is looked for first."""


def named_format(format: str, where: Where) -> Format:
    """The format of that name; raises ``SparxError`` (SPX621)."""
    for known in FORMATS:
        if known == format:
            return known
    advice = did_you_mean(format, FORMATS) or f"one of {', '.join(FORMATS)}"
    raise SparxError(Diagnostic("SPX621", f"there is no checkpoint format {quoted(format)}", where, help=advice))


def detect_format(names: Iterable[str], where: Where) -> Format:
    """The format that the names of a checkpoint show; raises ``SparxError`` (SPX620)."""
    found = list(names)
    for format, sign in _SIGNS.items():
        if any(sign.search(name) for name in found):
            return format
    first = [quoted(name) for name in shortened(found)]
    raise SparxError(
        Diagnostic(
            "SPX620",
            "the names in this checkpoint are those of no format known here",
            where,
            notes=(f"it holds {', '.join(first)}",),
            help=f"the formats are {', '.join(FORMATS)}; name one with format=…, or rename the tensors of a state dict",
        )
    )
