"""The connection graph as a value: its nodes, its edges, and the ways to ask it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sparx_dsl.graph.explain import explain, listing
from sparx_dsl.spec.models import Spec
from sparx_dsl.spec.options.base import KindOptions, Site
from sparx_dsl.spec.resolve import LayerSettings

if TYPE_CHECKING:
    from networkx import MultiDiGraph

NodeRole = Literal["stem", "downsample", "layer", "head"]
EdgeKind = Literal["feed", "cross_stage", "intra", "inter", "added", "tap"]


@dataclass(frozen=True, slots=True)
class Node:
    """A stem, a downsampling, a layer or a head."""

    name: str
    role: NodeRole
    stage: int
    """The stage's position, from 1; 1 for the stem, the last for the head."""
    number: int
    """The layer's number in its stage, from 1; 0 for what is no layer."""
    channels: int
    """Channels of what the node gives."""
    stride: int
    """The image's side over the map's side; sizes are rounded up."""
    site: Site
    options: KindOptions | None = None
    """The options of a stem, a downsampling or a head."""
    settings: LayerSettings | None = None
    """The settings of a layer."""
    placed: bool = False
    """Whether the rule or the spec places this layer as a ganglion layer."""

    @property
    def ganglion(self) -> bool:
        """Whether the layer reads features of earlier layers."""
        return self.site.features > 0

    @property
    def layer_settings(self) -> LayerSettings:
        """The settings of a layer; raises ``LookupError`` for other nodes."""
        if self.settings is None:
            raise LookupError(f"{self.name} is not a layer")
        return self.settings

    def map_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the node's map for an image of that size."""
        return (-(-size[0] // self.stride), -(-size[1] // self.stride))


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection: ``feed`` is the chain from node to node, ``tap`` a stage's last map that the head reads as well.

    The other kinds are features that a ganglion layer reads.
    """

    source: str
    target: str
    kind: EdgeKind
    slot: int | None = None
    """The feature's place in the concatenation, or among the head's taps, from 0; None for a feed."""
    reason: str = ""


@dataclass(frozen=True)
class ConnectionGraph:
    """Which layer hears which: nodes in the order in which they run, edges with slots and reasons."""

    spec: Spec = field(repr=False)
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, name: str) -> Node:
        """The node of that name; raises ``KeyError``."""
        return self._by_name[name]

    def feed(self, name: str) -> Edge | None:
        """The edge from the node before; None for the stem."""
        return next((edge for edge in self._into[name] if edge.kind == "feed"), None)

    def features(self, name: str) -> tuple[Edge, ...]:
        """The edges that a layer's fusion reads, or a head besides its feed, in the order of their slots."""
        return tuple(edge for edge in self._into[name] if edge.kind != "feed")

    def adapted(self, edge: Edge) -> bool:
        """Whether the feature must be resampled or projected before the target can read it."""
        source, target = self.node(edge.source), self.node(edge.target)
        return edge.kind == "added" and (source.stride, source.channels) != (target.stride, target.channels)

    def layers(self, stage: int | None = None) -> tuple[Node, ...]:
        """The layers of the stage at that 1-based position, or of all stages."""
        return tuple(node for node in self.nodes if node.role == "layer" and stage in (None, node.stage))

    def count(self, kind: EdgeKind, stage: int | None = None) -> int:
        """How many edges of that kind lead into the stage, or into any."""
        return sum(edge.kind == kind and stage in (None, self.node(edge.target).stage) for edge in self.edges)

    @functools.cached_property
    def networkx(self) -> MultiDiGraph[str]:
        """The same graph for networkx, frozen: node attribute ``node``, edge attribute ``edge``, keyed by kind."""
        import networkx

        graph: MultiDiGraph[str] = networkx.MultiDiGraph(name=self.spec.name)
        for node in self.nodes:
            graph.add_node(node.name, node=node)
        for edge in self.edges:
            graph.add_edge(edge.source, edge.target, edge.kind, edge=edge)
        networkx.freeze(graph)  # pyright: ignore[reportUnknownMemberType]
        return graph

    def explain(self, name: str) -> str:
        """Say what the node reads and why, and who reads it; raises ``SparxError`` for an unknown name."""
        return explain(self, name)

    def __str__(self) -> str:
        return listing(self)

    @functools.cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @functools.cached_property
    def _into(self) -> dict[str, tuple[Edge, ...]]:
        into: dict[str, list[Edge]] = {node.name: [] for node in self.nodes}
        for edge in self.edges:
            into[edge.target].append(edge)
        return {
            name: tuple(sorted(edges, key=lambda edge: -1 if edge.slot is None else edge.slot))
            for name, edges in into.items()
        }
