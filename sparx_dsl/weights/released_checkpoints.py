"""Where a backbone computes otherwise than the released model whose names and shapes it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.weights.names import ReleasedFormat

NORMS: Final[Mapping[ReleasedFormat, tuple[str, str]]] = {
    "sparx_mamba": ("group", "batch"),
    "vmamba": ("layer", "layer"),
    "swin": ("layer", "layer"),
}
"""The norms of the released models, in layers and between stages."""
_NORMED = (ConvStem, PatchStem, ConvDownsample, MergeDownsample)
_GROUPS: Final = 4


def mismatches(graph: ConnectionGraph, format: ReleasedFormat) -> Iterator[str]:
    """What names and shapes do not show: norms, fusions and shifts that the released models do not have."""
    inside, between = NORMS[format]
    for node in graph.nodes:
        if isinstance(node.options, _NORMED) and node.options.norm != between:
            yield f"{node.name} has {node.options.norm} norms, and the released models {between} norms"
        if node.settings is not None:
            yield from _of_layer(node, inside)


def _of_layer(node: Node, norm: str) -> Iterator[str]:
    settings = node.layer_settings
    if settings.norm != norm:
        yield f"{node.name} has {settings.norm} norms, and the released models {norm} norms"
    if isinstance(settings.mixer, WindowAttention) and not settings.mixer.shift and node.number % 2 == 0:
        yield f"{node.name} does not shift its windows"
    fusion = settings.fusion
    if node.ganglion and not (isinstance(fusion, DMCA) and fusion.groups == _GROUPS):
        yield f"{node.name} has another fusion than DMCA in {_GROUPS} groups"
