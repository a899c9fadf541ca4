"""The values of choices: lists, ranges, and lists side by side for choices that drive several keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sparx_dsl.errors import Diagnostic, Related, SparxError, Where
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.search.values import Alternative, KeyPath, LinkAction, same, value_of

MAX_VALUES = 10_000
"""Values of one choice."""
RANGE_KEYS = ("from", "to", "step")


@dataclass(frozen=True, slots=True)
class Values:
    """The nodes of the values, and whether each was written out."""

    nodes: tuple[Node, ...]
    written: bool


def place_of(node: Node, path: str = "") -> Where:
    """Where a node stands."""
    return Where(path, node.source, node.span)


def refuse(code: str, message: str, node: Node, help: str | None = None, related: Sequence[Related] = ()) -> SparxError:
    """One mistake at a node."""
    return SparxError(Diagnostic(code, message, place_of(node), help=help, related=tuple(related)))


def read_values(node: Node, name: str) -> Values:
    """The values of a list or of a range; raises ``SparxError``."""
    if isinstance(node, SequenceNode):
        if not node.items:
            raise refuse("SPX712", f"{name} has nothing to choose from", node, "list its values, or take it out")
        _refuse_twice(node.items, name)
        return Values(_limited(node.items, name, node), written=True)
    if isinstance(node, MappingNode):
        return Values(read_range(node, name), written=False)
    message = f"the values of {name} must be a list or a range, not {shown(node.value)}"
    raise refuse("SPX703", message, node, "write [1, 2, 3] or {from: 1, to: 3}")


def read_range(node: MappingNode, name: str) -> tuple[Node, ...]:
    """The numbers of ``{from: 64, to: 128, step: 8}``, both ends included where the steps meet them."""
    given = {key: entry.value for key in RANGE_KEYS if (entry := node.entry(key)) is not None}
    for key in ("from", "to"):
        if key not in given:
            raise refuse("SPX702", f"the range of {name} has no {key!r}", node, "write {from: 64, to: 128, step: 8}")
    numbers = {key: _number(given[key], key, name) for key in given}
    first, last, step = numbers["from"], numbers["to"], numbers.get("step", Decimal(1))
    if step <= 0:
        raise refuse("SPX718", f"the step of {name} must be above 0", given["step"], "write for example step: 8")
    if last < first:
        message = f"the range of {name} is empty: it ends below its beginning"
        raise refuse("SPX712", message, given["to"], "swap from and to")
    count = int((last - first) / step) + 1
    if count > MAX_VALUES:
        message = f"the range of {name} has more than {MAX_VALUES} values"
        raise refuse("SPX718", message, node, "widen the step")
    whole = all(isinstance(value, ScalarNode) and isinstance(value.value, int) for value in given.values())
    made = [int(first + n * step) if whole else float(first + n * step) for n in range(count)]
    return tuple(ScalarNode(value, str(value), node.span, node.source) for value in made)


def alternatives_of(paths: Sequence[KeyPath], values: Values) -> tuple[Alternative, ...]:
    """Each value written to all of the paths."""
    return tuple(
        Alternative(value_of(node), tuple((path, node) for path in paths), where=place_of(node))
        for node in values.nodes
    )


def side_by_side(columns: Mapping[tuple[KeyPath, ...], Values], name: str, node: Node) -> tuple[Alternative, ...]:
    """The first values of all lists together, then the second ones, and so on; raises ``SparxError``."""
    sizes = {len(values.nodes) for values in columns.values()}
    if len(sizes) != 1:
        told = ", ".join(str(len(values.nodes)) for values in columns.values())
        raise refuse(
            "SPX719", f"the lists of {name} are of different lengths: {told}", node, "give each as many values"
        )
    rows = zip(*(values.nodes for values in columns.values()), strict=True)
    made: list[Alternative] = []
    for row in rows:
        written = zip(columns, row, strict=True)
        patches = tuple((path, one) for paths, one in written for path in paths)
        made.append(Alternative([value_of(one) for one in row], patches, where=place_of(row[0])))
    return tuple(made)


def link_alternatives(action: LinkAction, links: Sequence[Node], where: Where) -> tuple[Alternative, ...]:
    """A choice that is off or on: the links are there, or cut, where it is on."""
    edits: tuple[tuple[LinkAction, Node], ...] = tuple((action, link) for link in links)
    return Alternative(False, where=where), Alternative(True, links=edits, where=where)


def _number(node: Node, key: str, name: str) -> Decimal:
    if isinstance(node, ScalarNode) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Decimal(str(node.value))
    message = f"{key} in the range of {name} must be a number, not {shown(value_of(node))}"
    raise refuse("SPX703", message, node, "write {from: 64, to: 128, step: 8}")


def _limited(items: tuple[Node, ...], name: str, node: Node) -> tuple[Node, ...]:
    if len(items) > MAX_VALUES:
        raise refuse("SPX718", f"{name} has {len(items)} values, more than {MAX_VALUES}", node, "write a range")
    return items


def _refuse_twice(items: Sequence[Node], name: str) -> None:
    """Raise ``SparxError`` at a value that is there before."""
    seen: dict[str, Node] = {}
    for item in items:
        value = value_of(item)
        before = seen.setdefault(repr(value), item)
        if before is not item and same(value_of(before), value):
            related = (Related(place_of(before), "the first of them"),)
            raise refuse("SPX713", f"{name} lists {shown(value)} twice", item, "take one of them out", related)
