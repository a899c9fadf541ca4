"""The links that a spec adds to the rule's connections or cuts from them, and what can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sparx_dsl.errors import Code, Diagnostic, Related, did_you_mean, quoted
from sparx_dsl.graph.nodes import Edge, Node
from sparx_dsl.language.models import Link
from sparx_dsl.language.spec import Spec

LinkPath = tuple[str | int, ...]
Reads = dict[str, dict[str, Edge]]
"""What each node reads besides its feed, by the names of the sources, in the order of the slots."""


def edit_links(spec: Spec, nodes: tuple[Node, ...], edges: list[Edge]) -> tuple[list[Edge], list[Diagnostic]]:
    """The edges after the spec's cuts and additions, slots closed up, and every error found in the links."""
    if not spec.links.cut and not spec.links.add:
        return edges, []
    order = {node.name: place for place, node in enumerate(nodes)}
    feeds = [edge for edge in edges if edge.kind == "feed"]
    reads: Reads = {}
    for edge in edges:
        if edge.kind != "feed":
            reads.setdefault(edge.target, {})[edge.source] = edge
    errors: list[Diagnostic] = []
    for place, link in enumerate(spec.links.cut):
        found = _ends(spec, link, ("links", "cut", place), nodes, order) or _cut(spec, link, place, reads)
        errors += found
        if not found:
            del reads[link.target][link.source]
    for place, link in enumerate(spec.links.add):
        if len(errors) >= spec.limits.errors:
            break
        found = _ends(spec, link, ("links", "add", place), nodes, order) or _added(spec, link, place, reads)
        errors += found
        if not found:
            # Its slot follows from its place among what the target reads.
            edge = Edge(link.source, link.target, "added", 0, "added by the spec (links.add)")
            reads.setdefault(link.target, {})[link.source] = edge
    return [*feeds, *_closed_up(reads)], errors


def _closed_up(reads: Reads) -> Iterator[Edge]:
    """The edges with the slots of every target numbered 0, 1, 2 … in their order."""
    for of_target in reads.values():
        for slot, edge in enumerate(of_target.values()):
            yield Edge(edge.source, edge.target, edge.kind, slot, edge.reason)


def _ends(spec: Spec, link: Link, path: LinkPath, nodes: tuple[Node, ...], order: dict[str, int]) -> list[Diagnostic]:
    """What is wrong with the two ends of a link as such."""
    unknown = [
        Diagnostic(
            Code.UNKNOWN_LINK_NODE, f"unknown node {quoted(name)}", spec.where(*path, key), help=_known(name, nodes)
        )
        for key, name in (("from", link.source), ("to", link.target))
        if name not in order
    ]
    if unknown:
        return unknown
    if nodes[order[link.target]].role != "layer":
        message = f"{link.target} is not a layer, so it cannot be the target of a link"
        advice = "only layers read features: name one, such as stage1.layer1"
        return [Diagnostic(Code.LINK_TO_NON_LAYER, message, spec.where(*path, "to"), help=advice)]
    if link.source == link.target:
        message = f"{link.source} cannot read itself"
        return [Diagnostic(Code.LINK_NOT_FORWARD, message, spec.where(*path), help="name an earlier node in from")]
    if order[link.source] > order[link.target]:
        message = f"{link.source} runs after {link.target}, so it cannot be read there"
        return [
            Diagnostic(
                Code.LINK_NOT_FORWARD, message, spec.where(*path), help="swap from and to, or name a later layer in to"
            )
        ]
    return []


def _known(name: str, nodes: tuple[Node, ...]) -> str:
    """Which nodes there are, in view of the name that was written."""
    written = re.fullmatch(r"stage(\d{1,4})(?:\.(.*))?", name)
    stage = int(written[1]) if written else 0
    layers = [node.name for node in nodes if node.role == "layer" and node.stage == stage]
    if written and not layers:
        return f"the backbone has the stages 1 to {max(node.stage for node in nodes)}"
    if written and (written[2] or "layer").startswith("layer"):
        last = f" to {layers[-1]}" if len(layers) > 1 else ""
        return f"the layers of stage {stage} are {layers[0]}{last}" if last else f"its only layer is {layers[0]}"
    if written and written[2] == "downsample" and stage > 1:
        return f"stage {stage} has no downsampling: name the last layer of stage {stage - 1}"
    if name == "head":
        return "the backbone's head is of the kind none"
    names = [node.name for node in nodes]
    return did_you_mean(name, names) or f"nodes are named such as {', '.join(names[:3])}"


def _cut(spec: Spec, link: Link, place: int, reads: Reads) -> list[Diagnostic]:
    """The error of a cut where nothing is."""
    own = reads.get(link.target, {})
    if link.source in own:
        return []
    message = f"{link.target} does not read {link.source}, so there is nothing to cut"
    note = f"it reads {', '.join(own)}" if own else "it reads no features"
    where = spec.where("links", "cut", place)
    return [Diagnostic(Code.CUT_WITHOUT_CONNECTION, message, where, notes=(note,), help="remove this link")]


def _added(spec: Spec, link: Link, place: int, reads: Reads) -> list[Diagnostic]:
    """The error of an added link that is there already."""
    same = reads.get(link.target, {}).get(link.source)
    if same is None:
        return []
    message, where = f"{link.target} reads {link.source} already", spec.where("links", "add", place)
    notes, related = (f"by the {same.kind} connection: {same.reason}",), ()
    if same.kind == "added":
        notes, related = (), (Related(spec.where("links", "add", spec.links.add.index(link)), "added here"),)
    return [Diagnostic(Code.DUPLICATE_LINK, message, where, notes, "remove this link", related)]
