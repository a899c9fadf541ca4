"""What a connection graph says of itself as a whole, in networkx's terms."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from networkx import DiGraph

WIDTH = 118
MOST_NAMES = 4
"""Names that a line lists in full."""


def explain_graph(graph: DiGraph[str]) -> str:
    """The shortest way through the graph, its nodes by in- and out-degree, and its features by age.

    A degree counts nodes: a node that feeds a layer and is read by it as well counts once. A feature's age is the
    number of nodes from the one that gives it to the one that reads it, in the order in which they run.
    """
    import networkx

    names = list(graph)
    kinds = Counter(kind for *_, found in graph.edges(data=True) for kind in found)
    way = networkx.shortest_path(graph, names[0], names[-1])  # pyright: ignore[reportUnknownMemberType]
    return "\n".join([
        f"{graph.name}: {len(names)} nodes, {kinds.total()} edges ({_counts(kinds)})",
        f"shortest way from {names[0]} to {names[-1]}, {len(way)} of {len(names)} nodes:",
        *textwrap.wrap(" → ".join(way), WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False),
        "nodes by in-degree, from how many nodes they are fed or read features:",
        *_by_degree(graph.in_degree()),
        "nodes by out-degree, how many nodes they feed or are read by:",
        *_by_degree(graph.out_degree()),
        *_by_age(graph),
    ])  # fmt: skip


def _by_degree(degrees: Iterable[tuple[str, int]]) -> Iterator[str]:
    """A line for each degree: how many nodes have it, and which."""
    named: dict[int, list[str]] = {}
    for name, degree in degrees:
        named.setdefault(degree, []).append(name)
    for degree, names in sorted(named.items()):
        shown = names if len(names) <= MOST_NAMES else [*names[:2], "…", names[-1]]
        yield f"  {degree:>3}: {len(names):>3} × {', '.join(shown)}"


def _by_age(graph: DiGraph[str]) -> Iterator[str]:
    """A line for each age: how many features of each kind are read at it."""
    place = {name: position for position, name in enumerate(graph)}
    ages: dict[int, Counter[str]] = {}
    for source, target, kinds in graph.edges(data=True):
        ages.setdefault(place[target] - place[source], Counter()).update(kind for kind in kinds if kind != "feed")
    read = [(age, kinds) for age, kinds in sorted(ages.items()) if kinds]
    yield "features by age, how many nodes later they are read:" if read else "no features are read"
    for age, kinds in read:
        yield f"  {age:>3}: {kinds.total():>3} × {_counts(kinds)}"


def _counts(kinds: Counter[str]) -> str:
    """How many there are of each kind, in one order for all lines."""
    order = ("feed", "cross_stage", "intra", "inter", "added", "tap")
    return ", ".join(f"{kinds[kind]} {kind}" for kind in order if kinds[kind])
