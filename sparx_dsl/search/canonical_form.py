"""One hash for all spellings of a backbone: made of the connection graph, not of the text."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sparx_dsl.graph import ConnectionGraph, Node, connect
from sparx_dsl.language.base import EPSILON
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.spec import Spec


def fingerprint(source: Spec | ConnectionGraph) -> str:
    """64 hexadecimal digits, equal for two backbones exactly where their connection graphs do the same.

    What counts: every node's role, place, width and effective settings, and which node feeds which in which slot.
    What does not: names, the size of the images, the words by which the ganglion layers were placed, settings that
    nothing uses (the fusion of a normal layer), and ``auto`` in place of the number that it stands for. Raises
    ``SparxError`` where a spec does not connect.
    """
    text = json.dumps(canonical(source), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(source: Spec | ConnectionGraph) -> dict[str, Any]:
    """What the fingerprint is made of, as plain data."""
    graph = connect(source) if isinstance(source, Spec) else source
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    edges = sorted(
        (places[edge.target], -1 if edge.slot is None else edge.slot, places[edge.source]) for edge in graph.edges
    )
    return {"nodes": [_node(node) for node in graph.nodes], "edges": edges}


def _node(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {
        "role": node.role, "stage": node.stage, "number": node.number, "stride": node.stride,
        "channels": [node.site.channels, node.channels],
    }  # fmt: skip
    if node.options is not None:
        found["options"] = node.options.canonical(node.site)
    if node.settings is not None:
        settings = node.settings
        found |= {
            "mixer": settings.mixer.canonical(node.site),
            "fusion": settings.fusion.canonical(node.site) if node.ganglion else None,
            "ffn": settings.ffn.canonical(node.site),
            "norm": settings.norm,
            "dpe": settings.dpe,
            "layer_scale": settings.layer_scale,
            "drop_path": node.drop_path,
            **_later(settings),
        }
    return found


def _later(settings: LayerSettings) -> dict[str, Any]:
    """Settings that came later than the others: those that are not as all layers were before."""
    found: dict[str, Any] = {}
    if settings.layer_scale is not None and settings.layer_scale_on != "residual":
        found["layer_scale_on"] = settings.layer_scale_on
    if settings.norm_eps != EPSILON:
        found["norm_eps"] = settings.norm_eps
    if settings.norm_place != "pre":
        found["norm_place"] = settings.norm_place
    if settings.end_norm:
        found["end_norm"] = True
    return found
