"""The links that a spec adds to the rule's connections or cuts from them, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from sparx_dsl.errors import Code, Diagnostic, Related
from sparx_dsl.graph.nodes import Edge
from sparx_dsl.language.checks.check_links import link_end_errors, named_nodes
from sparx_dsl.language.models import Link
from sparx_dsl.language.spec import Spec

Reads = dict[str, dict[str, Edge]]
"""What each node reads besides its feed, by the names of the sources, in the order of the slots."""


def edit_links(spec: Spec, edges: list[Edge]) -> tuple[list[Edge], list[Diagnostic]]:
    """The edges after the spec's cuts and additions, slots closed up, and every error found in the links."""
    if not spec.links.cut and not spec.links.add:
        return edges, []
    nodes = named_nodes(spec, spec.resolved)
    feeds = [edge for edge in edges if edge.kind == "feed"]
    reads: Reads = {}
    for edge in edges:
        if edge.kind != "feed":
            reads.setdefault(edge.target, {})[edge.source] = edge
    errors: list[Diagnostic] = []
    for place, link in enumerate(spec.links.cut):
        found = list(link_end_errors(spec, link, ("links", "cut", place), nodes))
        found = found or _cut(spec, link, place, reads)
        errors += found
        if not found:
            del reads[link.target][link.source]
    for place, link in enumerate(spec.links.add):
        if len(errors) >= spec.limits.errors:
            break
        found = list(link_end_errors(spec, link, ("links", "add", place), nodes))
        found = found or _added(spec, link, place, reads)
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
