"""What must hold of every connection graph, checked without looking at how it was made."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from sparx_dsl.graph.connection_graph import ConnectionGraph


def verified(graph: ConnectionGraph) -> ConnectionGraph:
    """The graph; raises ``RuntimeError`` where it is broken, which is a fault of the compiler and of no spec."""
    broken = verify_graph(graph)
    if broken:
        raise RuntimeError(f"internal error: the compiler made an invalid graph: {'; '.join(broken)}")
    return graph


def verify_graph(graph: ConnectionGraph) -> tuple[str, ...]:
    """Say everything that is broken in a connection graph; empty when nothing is."""
    names = Counter(node.name for node in graph.nodes)
    doubled = [f"two nodes are named {name}" for name, count in names.items() if count > 1]
    lost = [
        f"{edge.source} -> {edge.target} ({edge.kind}) leads to no node"
        for edge in graph.edges
        if edge.source not in names or edge.target not in names
    ]
    if doubled or lost:
        return tuple(doubled + lost)
    return (*_order(graph), *_chain(graph), *_slots(graph), *_taps(graph), *_shapes(graph))


def _order(graph: ConnectionGraph) -> Iterator[str]:
    """Edges that lead back: each closes a cycle with the feeds, which lead from every node to the next."""
    import networkx

    if not networkx.is_directed_acyclic_graph(graph.networkx):
        place = {name: position for position, name in enumerate(graph.networkx)}
        for edge in graph.edges:
            if place[edge.source] >= place[edge.target]:
                yield f"{edge.source} -> {edge.target} ({edge.kind}) does not lead forward"


def _chain(graph: ConnectionGraph) -> Iterator[str]:
    feeds = [edge for edge in graph.edges if edge.kind == "feed"]
    if [(edge.source, edge.target) for edge in feeds] == list(itertools.pairwise(graph.networkx)):
        return
    fed = Counter(edge.target for edge in feeds)
    for position, node in enumerate(graph.nodes):
        wanted = 1 if position else 0
        if fed[node.name] != wanted:
            yield f"{node.name} has {fed[node.name]} feeds, not {wanted}"
    before = {name: previous for previous, name in itertools.pairwise(graph.networkx)}
    for edge in feeds:
        if before.get(edge.target, edge.source) != edge.source:
            yield f"{edge.target} is fed by {edge.source}, not by the node before"


def _slots(graph: ConnectionGraph) -> Iterator[str]:
    counts = Counter(edge.target for edge in graph.edges if edge.kind != "feed")
    for node in graph.nodes:
        feed, edges = graph.feed(node.name), graph.features(node.name)
        if feed and feed.slot is not None:
            yield f"the feed {feed.source} -> {feed.target} takes a slot"
        if [edge.slot for edge in edges] != list(range(len(edges))):
            yield f"the slots of {node.name} are not 0 to {len(edges) - 1}"
        if len({edge.source for edge in edges}) != counts[node.name]:
            yield f"{node.name} reads a feature twice"
        features = sum(edge.kind != "tap" for edge in edges) if node.role == "head" else len(edges)
        if node.site.features != features:
            yield f"{node.name} is built for {node.site.features} features and reads {features}"
        if node.placed and not features:
            yield f"the ganglion layer {node.name} reads no feature"
        if features and node.role != "layer":
            yield f"{node.name} is not a layer and reads features"


def _taps(graph: ConnectionGraph) -> Iterator[str]:
    last_layers = {node.stage: node for node in graph.nodes if node.role == "layer"}
    for node in graph.nodes:
        taps = [edge.source for edge in graph.features(node.name) if edge.kind == "tap"]
        before = [last_layers[stage] for stage in sorted(last_layers) if stage < node.stage] if node.site.maps else []
        wanted = [layer.name for layer in before]
        if taps != wanted:
            yield f"{node.name} taps {', '.join(taps) or 'nothing'}, not {', '.join(wanted) or 'nothing'}"
        channels = tuple(layer.channels for layer in (*before, node))
        if node.site.maps and node.site.maps != channels:
            yield f"{node.name} is built for maps of {node.site.maps} channels and reads {channels}"


def _shapes(graph: ConnectionGraph) -> Iterator[str]:
    nodes = {node.name: node for node in graph.nodes}
    inputs = {after.stage: before for before, after in itertools.pairwise(graph.nodes) if after.stage > before.stage}
    for edge in graph.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        same = (source.channels, source.shrinkings) == (target.channels, target.shrinkings)
        if edge.kind == "feed" and target.role in ("layer", "head") and not same:
            yield f"{target.name} is fed a map of another shape by {source.name}"
        if edge.kind in ("cross_stage", "intra", "inter") and not same:
            yield f"{target.name} reads a feature of another shape from {source.name}"
        # Where nothing stands between two stages, the last layer of the one gives the other's input.
        given = edge.kind == "cross_stage" and source == inputs.get(target.stage)
        if edge.kind in ("cross_stage", "intra", "inter") and source.stage != target.stage and not given:
            yield f"{target.name} reads {source.name} of another stage by the rule"
