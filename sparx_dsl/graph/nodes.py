"""The nodes and edges of a connection graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.roles import NodeRole
from sparx_dsl.language.shrinking import Shrinkings, shrunk, total

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
    shrinkings: Shrinkings
    """How the map is smaller than the images."""
    site: Site
    options: KindOptions | None = None
    """The options of a stem, a downsampling or a head."""
    settings: LayerSettings | None = None
    """The settings of a layer."""
    drop_path: float = 0.0
    """The rate of stochastic depth of a layer's branches."""
    placed: bool = False
    """Whether the rule or the spec places this layer as a ganglion layer."""

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {describe(self)!r})"

    @property
    def stride(self) -> int:
        """By how much its steps together shrink a side of the images."""
        return total(self.shrinkings)

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
        return shrunk(size, self.shrinkings)


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
    parts += ["norm"] if node.settings.end_norm else []
    return f"{'ganglion' if node.ganglion else 'normal'} layer ({' → '.join(parts)}), {where}"
