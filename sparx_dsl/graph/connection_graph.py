"""The connection graph as a value: its nodes, its edges, and queries on them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.graph.explain import explain_graph
from sparx_dsl.graph.nodes import Edge, EdgeKind, Node, describe
from sparx_dsl.language.notebook import shown
from sparx_dsl.language.spec import Spec

if TYPE_CHECKING:
    from networkx import DiGraph


@dataclass(frozen=True)
class ConnectionGraph:
    """Which layer reads which: nodes in the order in which they run, edges with slots and reasons."""

    spec: Spec = field(repr=False)
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @functools.cached_property
    def networkx(self) -> DiGraph[str]:
        """The connection graph as a frozen networkx graph, which every query reads.

        A node's attribute ``node`` is its ``Node``. A feed and a feature can lead from one node to the same other one,
        so the attributes of an edge are its connections by kind: ``{"feed": Edge, "intra": Edge}``.
        """
        import networkx

        graph: DiGraph[str] = networkx.DiGraph(name=self.spec.name)
        for node in self.nodes:
            graph.add_node(node.name, node=node)
        for edge in self.edges:
            graph.add_edge(edge.source, edge.target, **{edge.kind: edge})
        networkx.freeze(graph)  # pyright: ignore[reportUnknownMemberType]
        return graph

    def node(self, name: str) -> Node:
        """The node of that name; raises ``KeyError``."""
        return self.networkx.nodes[name]["node"]

    def feed(self, name: str) -> Edge | None:
        """The edge from the node before; None for the stem."""
        return self._reads[name][0]

    def features(self, name: str) -> tuple[Edge, ...]:
        """The edges that a layer's fusion reads, or a head besides its feed, in the order of their slots."""
        return self._reads[name][1]

    def readers(self, name: str) -> tuple[Edge, ...]:
        """The edges by which later layers, or the head, read the node besides the one that it feeds."""
        targets = self.networkx.adj[name].values()
        return tuple(edge for kinds in targets for kind, edge in kinds.items() if kind != "feed")

    def adapted(self, edge: Edge) -> bool:
        """Whether the feature must be resampled or projected before the target can read it."""
        source, target = self.node(edge.source), self.node(edge.target)
        return edge.kind == "added" and (source.shrinkings, source.channels) != (target.shrinkings, target.channels)

    def layers(self, stage: int | None = None) -> tuple[Node, ...]:
        """The layers of the stage at that 1-based position, or of all stages."""
        return tuple(node for node in self.nodes if node.role == "layer" and stage in (None, node.stage))

    def count(self, kind: EdgeKind, stage: int | None = None) -> int:
        """How many edges of that kind lead into the stage, or into any."""
        return sum(edge.kind == kind and stage in (None, self.node(edge.target).stage) for edge in self.edges)

    def explain(self, name: str | None = None) -> str:
        """What the node is, what it reads and why, and who reads it; raises ``SparxError`` for an unknown name.

        Without a name, the whole: the shortest way through it, its nodes by degree, its features by age.
        """
        if name is None:
            return explain_graph(self.networkx)
        if name not in self.networkx:
            message = f"unknown node {name!r} in {self.spec.name}"
            raise SparxError(Diagnostic(Code.UNKNOWN_NODE, message, help=did_you_mean(name, list(self.networkx))))
        node, feed = self.node(name), self.feed(name)
        lines = [f"{name}: {describe(node)}", f"  fed by {feed.source}" if feed else "  fed by the image"]
        reads = self.features(name)
        lines += [f"  reads {edge.source} in slot {edge.slot} ({edge.kind}): {edge.reason}" for edge in reads]
        lines += ["  also reads the images, for their size"] if node.site.maps else []
        readers = [edge for edge in self.edges if edge.source == name]
        lines += [
            f"  {'feeds' if edge.kind == 'feed' else 'is read by'} {edge.target} ({edge.kind})" for edge in readers
        ]
        return "\n".join(lines)

    def _repr_svg_(self) -> str:
        """How notebooks show it: as ``sparx draw`` draws it."""
        return shown("sparx_dsl.render.notebook:graph_svg", self)

    def __repr__(self) -> str:
        return f"ConnectionGraph({self.spec.name!r}, {len(self.nodes)} nodes, {len(self.edges)} edges)"

    def __str__(self) -> str:
        """One line for each node with all that it reads, in the order in which the nodes run."""
        width = max(len(node.name) for node in self.nodes)
        lines = [f"{self.spec.name}: {len(self.nodes)} nodes, {len(self.edges)} edges"]
        for node in self.nodes:
            feed = self.feed(node.name)
            text = f"{node.name:<{width}}  {describe(node)}  <- {feed.source if feed else 'image'}"
            reads = [f"{edge.slot}:{edge.source} ({edge.kind})" for edge in self.features(node.name)]
            lines.append(f"{text}  reads {', '.join(reads)}" if reads else text)
        return "\n".join(lines)

    @functools.cached_property
    def _reads(self) -> dict[str, tuple[Edge | None, tuple[Edge, ...]]]:
        """What leads into each node: the feed, and the features in the order of their slots."""
        feeds: dict[str, Edge] = {}
        features: dict[str, list[Edge]] = {}
        for _, target, kinds in self.networkx.edges(data=True):
            for kind, edge in kinds.items():
                if kind == "feed":
                    feeds[target] = edge
                else:
                    features.setdefault(target, []).append(edge)
        return {name: (feeds.get(name), tuple(sorted(features.get(name, ()), key=_slot))) for name in self.networkx}


def _slot(edge: Edge) -> int:
    return -1 if edge.slot is None else edge.slot
