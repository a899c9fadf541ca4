"""From a spec to its connection graph: place the ganglion layers, apply the rule, then the spec's own links."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from sparx_dsl.errors import Code, Diagnostic, Related, SparxError
from sparx_dsl.graph.connection_graph import ConnectionGraph
from sparx_dsl.graph.links import edit_links
from sparx_dsl.graph.nodes import Edge, Node
from sparx_dsl.graph.rule import STAGE_INPUT, stage_reads
from sparx_dsl.graph.verify import verified
from sparx_dsl.language.load import in_order
from sparx_dsl.language.resolve import drop_path_rates, head_site
from sparx_dsl.language.spec import Spec
from sparx_dsl.registry import default_registry


def connect(spec: Spec) -> ConnectionGraph:
    """The connection graph of a spec.

    Raises ``SparxError`` for links that cannot be, and for layers left without features.
    """
    by_rule = _bounded(spec, _rule_edges(spec))
    nodes = tuple(_nodes(spec, by_rule))
    ruled = [*_feeds(nodes), *by_rule, *_taps(nodes)]
    edges, errors = edit_links(spec, ruled)
    if edges is not ruled:
        nodes = tuple(_nodes(spec, edges))
    if not errors:
        errors = list(_without_features(spec, nodes))
    if errors:
        raise SparxError(in_order(errors, spec.where().source)[: spec.limits.errors])
    return verified(ConnectionGraph(spec, nodes, tuple(edges)))


def _bounded(spec: Spec, edges: Iterator[Edge]) -> list[Edge]:
    """The edges, which are counted while they are made; raises ``SparxError`` beyond the limit."""
    most = spec.limits.connections
    found = list(itertools.islice(edges, most + 1))
    if len(found) > most:
        message = f"the ganglion layers read more than {most:,} features in total"
        advice = "write a window M, a larger stride S, or fewer layers"
        raise SparxError(Diagnostic(Code.TOO_MANY_CONNECTIONS, message, spec.where("stages", key=True), help=advice))
    return found


def _nodes(spec: Spec, edges: list[Edge]) -> Iterator[Node]:
    """The nodes in order, each layer's site with the number of features that these edges bring it."""
    stages, rates = spec.resolved, drop_path_rates(spec)
    features = Counter(edge.target for edge in edges if edge.kind != "feed")
    for stage in stages:
        role = "stem" if stage.position == 1 else "downsample"
        place = stage.channels, stage.shrinkings
        if stage.is_opened:
            yield Node(stage.opening_name, role, stage.position, 0, *place, stage.opening_site, stage.opening)
        for number, settings in enumerate(stage.layers, start=1):
            name = stage.layer_name(number)
            yield Node(
                name, "layer", stage.position, number, *place, stage.site(number, features[name]), settings=settings,
                drop_path=next(rates), placed=number in stage.rule.ganglion,
            )  # fmt: skip
    if default_registry().of("head", spec.head).runs:
        last = stages[-1]
        yield Node("head", "head", last.position, 0, last.channels, last.shrinkings, head_site(spec), spec.head)


def _feeds(nodes: tuple[Node, ...]) -> Iterator[Edge]:
    for before, node in itertools.pairwise(nodes):
        yield Edge(before.name, node.name, "feed", reason="the node before")


def _rule_edges(spec: Spec) -> Iterator[Edge]:
    last = ""
    for stage in spec.resolved:
        opening = stage.opening_name if stage.is_opened else last
        last = stage.layer_name(stage.rule.depth)
        for layer in stage.rule.ganglion:
            for slot, read in enumerate(stage_reads(stage.rule, layer)):
                source = opening if read.layer == STAGE_INPUT else stage.layer_name(read.layer)
                yield Edge(source, stage.layer_name(layer), read.kind, slot, read.reason)


def _taps(nodes: tuple[Node, ...]) -> Iterator[Edge]:
    """What a head that reads all stages reads besides its feed: the last layer of every stage but the last."""
    head = nodes[-1]
    if head.site.maps:
        last_layers = {node.stage: node.name for node in nodes if node.role == "layer" and node.stage < head.stage}
        for slot, (stage, name) in enumerate(last_layers.items()):
            yield Edge(name, head.name, "tap", slot, f"the head reads the last map of each stage, here stage {stage}'s")


def _without_features(spec: Spec, nodes: tuple[Node, ...]) -> Iterator[Diagnostic]:
    """Ganglion layers that read nothing."""
    for node in nodes:
        if node.placed and not node.ganglion:
            key = "S" if spec.stages[node.stage - 1].ganglion is None else "ganglion"
            where = spec.where("stages", node.stage - 1, key)
            cuts = [place for place, link in enumerate(spec.links.cut) if link.target == node.name]
            related = tuple(Related(spec.where("links", "cut", place), "cut here") for place in cuts)
            message = f"the ganglion layer {node.name} reads no features"
            advice = "write cross_stage: first, or place no ganglion layer there"
            yield Diagnostic(
                Code.GANGLION_WITHOUT_FEATURES,
                message,
                where,
                help="cut fewer links" if cuts else advice,
                related=related,
            )
