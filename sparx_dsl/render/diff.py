"""What differs between two connection graphs, as text."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph, Edge, Node
from sparx_dsl.graph.nodes import describe
from sparx_dsl.language.base import Options
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.render.compared_prices import compared_prices, shown_prices, totals
from sparx_dsl.render.listing import Field, Line, Listing, Style, Table
from sparx_dsl.render.match_nodes import Match, match_nodes

EQUAL = "no difference"

Ends = tuple[str, str, str]

CHANGES = (Field("change", "Change"), Field("what", "What"), Field("how", "How", absent=""))
SIGNS: Mapping[str, Style] = {"+": "good", "-": "bad", "~": "changed", ">": "changed"}
WORDS = {"+": "added", "-": "removed", "~": "changed", ">": "renamed"}


def difference_listing(before: ConnectionGraph, after: ConnectionGraph) -> Listing:
    """One line for each node and edge that is added (``+``), removed (``-``) or changed (``~``), prices, and counts.

    Stages that were renamed or moved, and layers that were renumbered, have a line (``>``) and are compared with what
    they were (see ``match_nodes``); edges are matched by their ends and kind. Names are those of the second graph, with
    the former ones behind them where something is removed. The drop-path rates of single layers,
    which follow from the backbone's rate and depth, are not compared. Equal graphs give ``no difference``. Prices are
    for an image of each spec's own size, in float32.
    """
    match = match_nodes(before, after)
    renamed = [Change(">", str(one)) for one in match.renamed]
    changes = [*_spec(before, after), *renamed, *_nodes(before, after, match), *_edges(before, after, match)]
    counts = {word: sum(change.sign == sign for change in changes) for sign, word in WORDS.items()}
    facts = {"before": before.spec.name, "after": after.spec.name, "equal": not changes, **counts}
    rows = tuple((WORDS[change.sign], change.what, change.how or None) for change in changes)
    table = Table("changes", CHANGES, rows)
    if not changes:
        return Listing("sparx.diff", {**facts, "prices": []}, (table,), (Line(EQUAL),))
    lines = [Line(str(change), SIGNS[change.sign]) for change in changes]
    prices = compared_prices(totals(before), totals(after))
    sentence = Line(", ".join(f"{count} {word}" for word, count in counts.items()))
    return Listing("sparx.diff", facts, (table, prices), (*lines, shown_prices(prices), sentence))


def difference(before: ConnectionGraph, after: ConnectionGraph) -> str:
    """The text of ``difference_listing``."""
    return str(difference_listing(before, after))


@dataclass(frozen=True, slots=True)
class Change:
    """What was added (``+``), removed (``-``) or changed (``~``), and how."""

    sign: str
    what: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.sign} {self.what}: {self.how}" if self.how else f"{self.sign} {self.what}"


def _spec(before: ConnectionGraph, after: ConnectionGraph) -> Iterator[Change]:
    fields = (("name", before.spec.name, after.spec.name), ("input", before.spec.input, after.spec.input),
              ("drop_path", before.spec.drop_path, after.spec.drop_path))  # fmt: skip
    changes = [change for name, old, new in fields for change in _changes(name, old, new)]
    if changes:
        yield Change("~", "backbone", "; ".join(changes))


def _nodes(before: ConnectionGraph, after: ConnectionGraph, match: Match) -> Iterator[Change]:
    old, new = ({node.name: node for node in graph.nodes} for graph in (before, after))
    gone = {name: node for name, node in old.items() if name not in match.names}
    yield from (Change("-", _former(name, match, new), describe(node)) for name, node in gone.items())
    former = {name: old[was] for was, name in match.names.items()}
    for name, node in new.items():
        if name not in former:
            yield Change("+", name, describe(node))
        elif changes := list(_node_changes(former[name], node)):
            yield Change("~", name, "; ".join(changes))


def _node_changes(old: Node, new: Node) -> Iterator[str]:
    yield from _changes("role", old.role, new.role)
    yield from _changes("channels", old.channels, new.channels)
    yield from _changes("stride", old.stride, new.stride)
    if "layer" in (old.role, new.role):
        yield from _changes("layer", *("ganglion" if node.ganglion else "normal" for node in (old, new)))
    yield from _changes("", old.options, new.options)
    if old.settings is not None and new.settings is not None:
        yield from _setting_changes(old.settings, new.settings, fusion=old.ganglion and new.ganglion)


def _setting_changes(old: LayerSettings, new: LayerSettings, *, fusion: bool) -> Iterator[str]:
    """Changes of a layer's settings; normal layers have no use for ``fusion``."""
    yield from _changes("dpe", old.dpe, new.dpe)
    yield from _changes("mixer", old.mixer, new.mixer)
    if fusion:
        yield from _changes("fusion", old.fusion, new.fusion)
    yield from _changes("ffn", old.ffn, new.ffn)
    yield from _changes("norm", old.norm, new.norm)
    yield from _changes("layer_scale", old.layer_scale, new.layer_scale)
    yield from _changes("layer_scale_on", old.layer_scale_on, new.layer_scale_on)
    yield from _changes("norm_eps", old.norm_eps, new.norm_eps)
    yield from _changes("norm_place", old.norm_place, new.norm_place)
    yield from _changes("end_norm", old.end_norm, new.end_norm)


def _changes(name: str, old: object, new: object) -> Iterator[str]:
    """The changes from one value to another, key by key where both are options of the same kind."""
    if old == new:
        return
    if isinstance(old, Options) and isinstance(new, Options):
        if type(old) is type(new):
            former, latter = old.model_dump(), new.model_dump()
            for key in former:
                yield from _changes(f"{name}.{key}" if name else key, former[key], latter[key])
            return
        old, new = (getattr(options, "kind", type(options).__name__) for options in (old, new))
    yield f"{name or 'kind'} {_shown(old)} → {_shown(new)}"


def _shown(value: object) -> str:
    if isinstance(value, Options):
        return str(value.model_dump().get("kind", "set"))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _edges(before: ConnectionGraph, after: ConnectionGraph, match: Match) -> Iterator[Change]:
    """Edges by their ends' new names; one from or to a node that is gone is gone."""
    former: dict[Ends, Edge] = {}
    for edge in before.edges:
        ends = _renamed_ends(edge, match)
        if ends is not None:
            former[ends] = edge
    new = {_ends(edge): edge for edge in after.edges}
    taken = {node.name for node in after.nodes}
    for edge in before.edges:
        ends = _renamed_ends(edge, match)
        if ends is None or ends not in new:
            source, target = (_former(name, match, taken) for name in (edge.source, edge.target))
            yield Change("-", f"{source} → {target} ({edge.kind})")
    for ends, edge in new.items():
        if ends not in former:
            yield Change("+", _arrow(edge))
        elif former[ends].slot != edge.slot:
            yield Change("~", _arrow(edge), f"slot {former[ends].slot} → {edge.slot}")


def _renamed_ends(edge: Edge, match: Match) -> Ends | None:
    """The ends by their new names, and the kind; None where one of them is gone."""
    source, target = match.names.get(edge.source), match.names.get(edge.target)
    return None if source is None or target is None else (source, target, edge.kind)


def _former(name: str, match: Match, taken: Container[str]) -> str:
    """The name in the second graph of a node of the first one; of one that is gone, no name that another has there."""
    now = match.names.get(name)
    if now is None:
        return f"{name} (removed)" if name in taken else name
    prefix = f"{now.rpartition('.')[0]}."
    return name if now == name else f"{now} (was {name.removeprefix(prefix)})"


def _ends(edge: Edge) -> Ends:
    return (edge.source, edge.target, edge.kind)


def _arrow(edge: Edge) -> str:
    return f"{edge.source} → {edge.target} ({edge.kind})"
