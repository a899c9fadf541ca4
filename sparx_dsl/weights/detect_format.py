"""Which format a checkpoint has, from the names of its tensors alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, quoted
from sparx_dsl.kinds.checkpoint import ReleasedFormat
from sparx_dsl.weights.backbone_summary import OUR_LAYER, RELEASED_LAYER
from sparx_dsl.weights.formats import FORMATS, RELEASED_LAYERS, Format
from sparx_dsl.weights.kind_modules import checkpoints
from sparx_dsl.weights.report import shortened

MOST_PREFIXES = 8
"""How many parts of a name are looked through for the prefix of a backbone."""


def detect_format(names: Iterable[str], where: Where) -> Format:
    """The format that the names of a checkpoint show; raises ``SparxError`` (SPX620)."""
    found = list(names)
    if any(OUR_LAYER.match(name) for name in found):
        return "sparx_dsl"
    shown = {part for name in found for part in _parts(name)}
    for format in RELEASED_LAYERS:
        if not _signs(format).isdisjoint(shown):
            return format
    first = [quoted(name) for name in shortened(found)]
    inner = _inner_prefix(found)
    other = "name one with format=…, or rename the tensors of a state dict"
    raise SparxError(
        Diagnostic(
            Code.UNRECOGNIZED_FORMAT,
            "the names in this checkpoint are those of no format known here",
            where,
            notes=(f"it holds {', '.join(first)}",),
            help=f"write prefix={inner!r}" if inner else f"the formats are {', '.join(FORMATS)}; {other}",
        )
    )


def _inner_prefix(names: Iterable[str]) -> str | None:
    """What stands before the names of a layer's tensors, as in a model of which a backbone is a part."""
    for name in names:
        parts = name.split(".")
        for length in range(1, min(len(parts), MOST_PREFIXES) + 1):
            rest = ".".join(parts[length:])
            if OUR_LAYER.match(rest) or RELEASED_LAYER.match(rest):
                return ".".join(parts[:length])
    return None


def _parts(name: str) -> Iterator[str]:
    """The module and tensor paths that a name begins with: within its layer, or within the file."""
    layer = RELEASED_LAYER.match(name)
    parts = (layer[3] if layer else name).split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _signs(format: ReleasedFormat) -> frozenset[str]:
    """The paths by which a checkpoint shows that it is of a released project."""
    released = [checkpoint.released.get(format) for checkpoint in checkpoints()]
    return RELEASED_LAYERS[format].signs.union(*(found.signs for found in released if found is not None))
