"""The links that a spec adds to the rule's connections or cuts from them, and what can be wrong with them."""

from __future__ import annotations

from sparx_dsl.errors import Diagnostic, did_you_mean
from sparx_dsl.graph.values import Edge, Node
from sparx_dsl.spec.models import Link, Spec


def edit_links(spec: Spec, nodes: tuple[Node, ...], edges: list[Edge]) -> tuple[list[Edge], list[Diagnostic]]:
    """The edges after the spec's cuts and additions, slots closed up, and every mistake found in the links."""
    order = {node.name: place for place, node in enumerate(nodes)}
    roles = {node.name: node.role for node in nodes}
    mistakes: list[Diagnostic] = []
    for place, link in enumerate(spec.links.cut):
        found = _ends(spec, link, ("links", "cut", place), order, roles) or _cut(spec, link, place, edges)
        mistakes += found
        if not found:
            edges = [edge for edge in edges if edge.kind == "feed" or (edge.source, edge.target) != (link.source, link.target)]
    for place, link in enumerate(spec.links.add):
        found = _ends(spec, link, ("links", "add", place), order, roles) or _added(spec, link, place, edges)
        mistakes += found
        if not found:
            edges = [*edges, Edge(link.source, link.target, "added", len(edges), "added by the spec (links.add)")]
    return _closed_up(edges), mistakes


def _closed_up(edges: list[Edge]) -> list[Edge]:
    """The edges with the slots of every target numbered 0, 1, 2 … in their order."""
    used: dict[str, int] = {}
    closed: list[Edge] = []
    for edge in edges:
        if edge.kind == "feed":
            closed.append(edge)
            continue
        slot = used.get(edge.target, 0)
        used[edge.target] = slot + 1
        closed.append(Edge(edge.source, edge.target, edge.kind, slot, edge.reason))
    return closed


def _ends(spec: Spec, link: Link, path: tuple[str | int, ...], order: dict[str, int], roles: dict[str, str]) -> list[Diagnostic]:
    mistakes: list[Diagnostic] = []
    for key, name in (("from", link.source), ("to", link.target)):
        if name not in order:
            mistakes.append(Diagnostic("SPX301", f"there is no {name!r} in this backbone", spec.where(*path, key), help=did_you_mean(name, list(order))))
    if mistakes:
        return mistakes
    if roles[link.target] != "layer":
        return [Diagnostic("SPX303", f"{link.target} is no layer, so it cannot read a feature", spec.where(*path, "to"))]
    if order[link.source] >= order[link.target]:
        return [Diagnostic("SPX302", f"{link.source} does not come before {link.target}", spec.where(*path),
                           help="links point forward: swap the two ends, or name a later layer")]
    return []


def _cut(spec: Spec, link: Link, place: int, edges: list[Edge]) -> list[Diagnostic]:
    heard = [edge.source for edge in edges if edge.target == link.target and edge.kind != "feed"]
    if link.source in heard:
        return []
    what = f"it reads {', '.join(heard)}" if heard else "it reads no features"
    return [Diagnostic("SPX305", f"{link.target} does not read {link.source}, so there is nothing to cut",
                       spec.where("links", "cut", place), notes=(what,))]


def _added(spec: Spec, link: Link, place: int, edges: list[Edge]) -> list[Diagnostic]:
    same = next((e for e in edges if e.kind != "feed" and (e.source, e.target) == (link.source, link.target)), None)
    if same is None:
        return []
    return [Diagnostic("SPX304", f"{link.target} reads {link.source} already", spec.where("links", "add", place),
                       notes=(f"by the {same.kind} connection: {same.reason}",), help="leave this link out")]
