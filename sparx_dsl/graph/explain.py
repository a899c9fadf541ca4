"""The connection graph in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparx_dsl.errors import Diagnostic, SparxError, did_you_mean

if TYPE_CHECKING:
    from sparx_dsl.graph.values import ConnectionGraph, Node


def explain(graph: ConnectionGraph, name: str) -> str:
    """What a node is, what it reads and why, and who reads it; raises ``SparxError`` for an unknown name."""
    names = [node.name for node in graph.nodes]
    if name not in names:
        raise SparxError(
            Diagnostic("SPX310", f"there is no {name!r} in {graph.spec.name}", help=did_you_mean(name, names))
        )
    node = graph.node(name)
    lines = [f"{name}: {describe(node)}"]
    feed = graph.feed(name)
    lines.append(f"  fed by {feed.source}" if feed else "  fed by the image")
    heard = graph.features(name)
    lines += [f"  reads {edge.source} in slot {edge.slot} ({edge.kind}): {edge.reason}" for edge in heard]
    lines += ["  is given the images as well, for their size"] if node.site.maps else []
    readers = [edge for edge in graph.edges if edge.source == name]
    lines += [f"  {'feeds' if edge.kind == 'feed' else 'is read by'} {edge.target} ({edge.kind})" for edge in readers]
    return "\n".join(lines)


def describe(node: Node) -> str:
    """What a node is, in a few words."""
    where = f"{node.channels} channels at 1/{node.stride}"
    if node.settings is None:
        kind = node.options.kind if node.options else ""
        return f"{kind} {node.role}, {where}"
    parts = ["DPE"] if node.settings.dpe else []
    parts += [node.settings.fusion.kind] if node.ganglion else []
    parts += [node.settings.mixer.kind]
    parts += [f"{node.settings.ffn.kind} FFN"] if node.settings.ffn.kind != "none" else []
    return f"{'ganglion' if node.ganglion else 'normal'} layer ({' → '.join(parts)}), {where}"


def listing(graph: ConnectionGraph) -> str:
    """One line for each node with all that it reads, in the order in which the nodes run."""
    width = max(len(node.name) for node in graph.nodes)
    lines = [f"{graph.spec.name}: {len(graph.nodes)} nodes, {len(graph.edges)} edges"]
    for node in graph.nodes:
        feed = graph.feed(node.name)
        text = f"{node.name:<{width}}  {describe(node)}  <- {feed.source if feed else 'image'}"
        heard = [f"{edge.slot}:{edge.source} ({edge.kind})" for edge in graph.features(node.name)]
        lines.append(f"{text}  reads {', '.join(heard)}" if heard else text)
    return "\n".join(lines)
