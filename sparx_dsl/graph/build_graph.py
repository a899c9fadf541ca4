"""From a spec to its connection graph: place the ganglion layers, apply the rule, then the spec's own links."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from sparx_dsl.errors import Diagnostic, Related, SparxError
from sparx_dsl.graph.links import edit_links
from sparx_dsl.graph.rule import STAGE_INPUT, ganglion_layers, reads
from sparx_dsl.graph.values import ConnectionGraph, Edge, Node
from sparx_dsl.graph.verify import verified
from sparx_dsl.spec.check import stage_name
from sparx_dsl.spec.kinds import default_registry
from sparx_dsl.spec.limits import DEFAULT_LIMITS
from sparx_dsl.spec.load import in_order
from sparx_dsl.spec.models import Spec, Stage
from sparx_dsl.spec.options.base import KindOptions, Site
from sparx_dsl.spec.resolve import head_site, layer_settings


def connect(spec: Spec) -> ConnectionGraph:
    """The connection graph of a spec.

    Raises ``SparxError`` for links that cannot be, and for layers left without features.
    """
    nodes = tuple(_nodes(spec))
    edges = [*_feeds(nodes), *_bounded(spec, _rule_edges(spec, nodes)), *_taps(nodes)]
    edges, mistakes = edit_links(spec, nodes, edges)
    if not mistakes:
        mistakes = list(_without_features(spec, nodes, edges))
    if mistakes:
        raise SparxError(in_order(mistakes, spec.where().source)[: DEFAULT_LIMITS.mistakes])
    counts = Counter(edge.target for edge in edges if edge.kind != "feed")
    return verified(ConnectionGraph(spec, tuple(_informed(node, counts[node.name]) for node in nodes), tuple(edges)))


def _bounded(spec: Spec, edges: Iterator[Edge]) -> list[Edge]:
    """The edges, which are counted while they are made; raises ``SparxError`` beyond the limit."""
    most = DEFAULT_LIMITS.connections
    found = list(itertools.islice(edges, most + 1))
    if len(found) > most:
        message = f"the ganglion layers read more than {most:,} features in all"
        advice = "write a window M, a larger stride S, or fewer layers"
        raise SparxError(Diagnostic("SPX404", message, spec.where("stages", key=True), help=advice))
    return found


def placed_layers(stage: Stage) -> tuple[int, ...]:
    """The ganglion layers that a stage names, or that its stride places."""
    if stage.ganglion is not None:
        return stage.ganglion
    return ganglion_layers(stage.depth, stage.S) if stage.S is not None else ()


def input_name(spec: Spec, stage: int) -> str:
    """The node whose output is the input of the stage at that 1-based position."""
    return "stem" if stage == 1 else f"{stage_name(spec, stage - 1)}.downsample"


def _nodes(spec: Spec) -> Iterator[Node]:
    settings = layer_settings(spec)
    before, stride, last = spec.input.channels, spec.stem.stride, len(spec.stages)
    for position, stage in enumerate(spec.stages, start=1):
        options: KindOptions = spec.stem if position == 1 else stage.downsample or spec.downsample
        role = "stem" if position == 1 else "downsample"
        site = Site(before, stage.channels)
        yield Node(input_name(spec, position), role, position, 0, stage.channels, stride, site, options)
        placed, name = placed_layers(stage), stage_name(spec, position - 1)
        for number, setting in enumerate(settings[position - 1], start=1):
            site = Site(stage.channels, stage.channels, setting.norm, number, reduction=2 ** (last - position))
            yield Node(
                f"{name}.layer{number}",
                "layer",
                position,
                number,
                stage.channels,
                stride,
                site,
                settings=setting,
                placed=number in placed,
            )
        before, stride = stage.channels, stride * 2
    if default_registry().of("head", spec.head).runs:
        yield Node("head", "head", last, 0, before, stride // 2, head_site(spec), spec.head)


def _feeds(nodes: tuple[Node, ...]) -> Iterator[Edge]:
    for before, node in itertools.pairwise(nodes):
        yield Edge(before.name, node.name, "feed", reason="the node before")


def _rule_edges(spec: Spec, nodes: tuple[Node, ...]) -> Iterator[Edge]:
    for position, stage in enumerate(spec.stages, start=1):
        ganglion, name = placed_layers(stage), stage_name(spec, position - 1)
        for layer in ganglion:
            heard = reads(layer, ganglion, stage.M or "all", stage.cross_stage or "first", stage.intra or "since_last")
            for slot, read in enumerate(heard):
                source = input_name(spec, position) if read.layer == STAGE_INPUT else f"{name}.layer{read.layer}"
                yield Edge(source, f"{name}.layer{layer}", read.kind, slot, read.reason)


def _taps(nodes: tuple[Node, ...]) -> Iterator[Edge]:
    """What a head that reads all stages hears besides its feed: the last layer of every stage but the last."""
    head = nodes[-1]
    if head.site.maps:
        last_layers = {node.stage: node.name for node in nodes if node.role == "layer" and node.stage < head.stage}
        for slot, (stage, name) in enumerate(last_layers.items()):
            yield Edge(name, head.name, "tap", slot, f"the head reads the last map of each stage, here stage {stage}'s")


def _without_features(spec: Spec, nodes: tuple[Node, ...], edges: list[Edge]) -> Iterator[Diagnostic]:
    """Ganglion layers that read nothing."""
    reading = {edge.target for edge in edges if edge.kind != "feed"}
    for node in nodes:
        if node.placed and node.name not in reading:
            key = "S" if spec.stages[node.stage - 1].ganglion is None else "ganglion"
            where = spec.where("stages", node.stage - 1, key)
            cuts = [place for place, link in enumerate(spec.links.cut) if link.target == node.name]
            related = tuple(Related(spec.where("links", "cut", place), "cut here") for place in cuts)
            message = f"the ganglion layer {node.name} is left without any feature to read"
            advice = "write cross_stage: first, or place no ganglion layer there"
            yield Diagnostic("SPX306", message, where, help="cut fewer links" if cuts else advice, related=related)


def _informed(node: Node, features: int) -> Node:
    """The node, its site told how many features it reads and how wide its fusion must be."""
    if not features or node.settings is None:
        return node
    width = node.settings.mixer.projected(node.channels)
    return replace(node, site=replace(node.site, features=features, out_channels=width))
