"""From the connection graph to steps: every layer as its parts, in the order of the graph."""

from __future__ import annotations

from collections.abc import Iterator

from sparx_dsl.graph import ConnectionGraph, Edge, Node
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule.step import IMAGES, Gather, Part, Run


def steps_of(graph: ConnectionGraph, nodes: tuple[Node, ...]) -> Iterator[Run | Gather]:
    """The steps that run ``nodes``, the first ones of ``graph``."""
    names = {node.name for node in nodes}
    adapted: dict[str, list[Edge]] = {name: [] for name in names}
    for edge in graph.edges:
        if edge.source in names and edge.target in names and graph.adapted(edge):
            adapted[edge.source].append(edge)
    for node in nodes:
        feed = graph.feed(node.name)
        given = feed.source if feed else IMAGES
        if node.settings is None:
            assert node.role != "layer"
            yield Run(node.name, node.role, _inputs(graph, node, given), node.name, node.name)
        else:
            yield from _layer(graph, node, given)
        yield from map(_adapter, adapted[node.name])


def _inputs(graph: ConnectionGraph, node: Node, given: str) -> tuple[str, ...]:
    """What a stem, downsampling or head is called with: a head that reads all stages also with the images."""
    if not node.site.maps:
        return (given,)
    return (*(edge.source for edge in graph.features(node.name)), given, IMAGES)


def adapted_name(edge: Edge) -> str:
    """The buffer of an added feature once it has the size and width of the layer that reads it."""
    return f"{edge.target}.link_{edge.source.replace('.', '_')}"


def _adapter(edge: Edge) -> Run:
    """Adapt a feature as soon as it exists: later stages have smaller maps, so that is cheaper to hold."""
    name = adapted_name(edge)
    return Run(edge.target, "link", (edge.source,), name, name)


def _layer(graph: ConnectionGraph, node: Node, given: str) -> Iterator[Run | Gather]:
    settings, name = node.layer_settings, node.name
    runs_ffn = default_registry().of("ffn", settings.ffn).runs
    features = tuple(adapted_name(edge) if graph.adapted(edge) else edge.source for edge in graph.features(name))
    return layer_steps(name, given, features, dpe=settings.dpe, ffn=runs_ffn, norm=settings.end_norm)


def layer_steps(
    name: str, given: str, features: tuple[str, ...], *, dpe: bool, ffn: bool, norm: bool
) -> Iterator[Run | Gather]:
    """The steps of the layer of that name, which is fed the buffer ``given`` and reads the buffers ``features``.

    ``dpe``, ``ffn`` and ``norm`` say whether it has a position encoding, a feed-forward network, and a norm at its end.
    """
    gathered = features[0] if len(features) == 1 else f"{name}.gather"
    if len(features) > 1:
        # First of all, since features that are freed here then need not be held beside the position encoding's result.
        yield Gather(name, features, gathered)
    if dpe:
        yield _part(name, "dpe", (given,), f"{name}.dpe")
        given = f"{name}.dpe"
    made = f"{name}.made" if norm else name
    mixed = f"{name}.mixer" if ffn else made
    if features:
        yield _part(name, "fusion", (given, gathered), f"{name}.fusion")
        yield _part(name, "mixer", (given, f"{name}.fusion"), mixed)
    else:
        yield _part(name, "mixer", (given,), mixed)
    if ffn:
        yield _part(name, "ffn", (mixed,), made)
    if norm:
        yield _part(name, "norm", (made,), name)


def _part(name: str, part: Part, inputs: tuple[str, ...], output: str) -> Run:
    return Run(name, part, inputs, output, f"{name}.{part}")
