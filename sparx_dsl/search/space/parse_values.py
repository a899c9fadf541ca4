"""The values of choices as written: lists, ranges, and lists that several keys take element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sparx_dsl.errors import Code, Diagnostic, Related, SparxError, Where
from sparx_dsl.language.checks.hints import shown
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.search.space.choices import Alternative, EditPath, LinkAction, quoted_value, same, value_of

MAX_VALUES = 10_000
"""Values of one choice."""
RANGE_KEYS = ("from", "to", "step")
RANGE_ADVICE = "write {from: 64, to: 128, step: 8}"


@dataclass(frozen=True, slots=True)
class ValueNodes:
    """The nodes of the values, and whether each was written out."""

    nodes: tuple[Node, ...]
    written: bool


def place_of(node: Node, path: str = "") -> Where:
    """Where a node stands."""
    return Where(path, node.source, node.span)


def error_at(
    node: Node, code: str, message: str, help: str | None = None, related: tuple[Related, ...] = ()
) -> SparxError:
    """One error at a node."""
    return SparxError(Diagnostic(code, message, place_of(node), help=help, related=related))


def parse_values(node: Node, name: str, *, may_repeat: bool = False) -> ValueNodes:
    """The values of a list or of a range; raises ``SparxError``, also for a value twice unless it ``may_repeat``."""
    if isinstance(node, MappingNode):
        return ValueNodes(_parse_range(node, name), written=False)
    if not isinstance(node, SequenceNode):
        message = f"the values of {name} must be a list or a range, not {shown(node.value)}"
        raise error_at(node, Code.INVALID_SPACE_VALUE, message, "write [1, 2, 3] or {from: 1, to: 3}")
    if not node.items:
        raise error_at(node, Code.EMPTY_CHOICE, f"{name} has no values", "list its values, or remove it")
    if not may_repeat:
        _refuse_repeated([value_of(item) for item in node.items], node.items, name)
    if len(node.items) > MAX_VALUES:
        message = f"{name} has {len(node.items)} values, more than {MAX_VALUES}"
        raise error_at(node, Code.INVALID_RANGE, message, "write a range")
    return ValueNodes(node.items, written=True)


def _parse_range(node: MappingNode, name: str) -> tuple[Node, ...]:
    """The numbers of ``{from: 64, to: 128, step: 8}``, both ends included where the steps meet them."""
    given = {key: entry.value for key in RANGE_KEYS if (entry := node.entry(key)) is not None}
    for key in ("from", "to"):
        if key not in given:
            raise error_at(node, Code.MISSING_SPACE_KEY, f"the range of {name} has no {key!r}", RANGE_ADVICE)
    numbers = {key: _number(given[key], key, name) for key in given}
    first, last, step = numbers["from"], numbers["to"], numbers.get("step", Decimal(1))
    if step <= 0:
        message = f"the step of {name} must be above 0"
        raise error_at(given["step"], Code.INVALID_RANGE, message, "write for example step: 8")
    if last < first:
        message = f"the range of {name} is empty: it ends below its beginning"
        raise error_at(given["to"], Code.EMPTY_CHOICE, message, "swap from and to")
    count = int((last - first) / step) + 1
    if count > MAX_VALUES:
        message = f"the range of {name} has more than {MAX_VALUES} values"
        raise error_at(node, Code.INVALID_RANGE, message, "widen the step")
    whole = all(isinstance(value, ScalarNode) and isinstance(value.value, int) for value in given.values())
    made = [int(first + n * step) if whole else float(first + n * step) for n in range(count)]
    return tuple(ScalarNode(value, str(value), node.span, node.source) for value in made)


def _number(node: Node, key: str, name: str) -> Decimal:
    if isinstance(node, ScalarNode) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Decimal(str(node.value))
    message = f"{key} in the range of {name} must be a number, not {shown(value_of(node))}"
    raise error_at(node, Code.INVALID_SPACE_VALUE, message, RANGE_ADVICE)


def _refuse_repeated(values: Sequence[object], nodes: Sequence[Node], name: str) -> None:
    """Raise ``SparxError`` at the node of a value that is there before."""
    seen: dict[str, int] = {}
    for number, value in enumerate(values):
        before = seen.setdefault(repr(value), number)
        if before != number and same(values[before], value):
            related = (Related(place_of(nodes[before]), "the first of them"),)
            message = f"{name} lists {quoted_value(value)} twice"
            raise error_at(nodes[number], Code.DUPLICATE_VALUE, message, "remove one of them", related)


def same_value_everywhere(paths: Sequence[EditPath], values: ValueNodes) -> tuple[Alternative, ...]:
    """Each value written to all of the paths."""
    return tuple(
        Alternative(value_of(node), tuple((path, node) for path in paths), where=place_of(node))
        for node in values.nodes
    )


def side_by_side(columns: Mapping[tuple[EditPath, ...], ValueNodes], name: str, node: Node) -> tuple[Alternative, ...]:
    """The first values of all lists together, then the second ones, and so on; raises ``SparxError``."""
    lists = [values.nodes for values in columns.values()]
    if len(set(map(len, lists))) != 1:
        lengths = ", ".join(str(len(nodes)) for nodes in lists)
        message = f"the lists of {name} are of different lengths: {lengths}"
        raise error_at(node, Code.LENGTHS_DIFFER, message, "give each as many values")
    made: list[Alternative] = []
    rows = list(zip(*lists, strict=True))
    _refuse_repeated([[value_of(one) for one in row] for row in rows], [row[0] for row in rows], name)
    for row in rows:
        patches = tuple((path, one) for paths, one in zip(columns, row, strict=True) for path in paths)
        made.append(Alternative([value_of(one) for one in row], patches, where=place_of(row[0])))
    return tuple(made)


def off_or_on(action: LinkAction, links: Sequence[Node], where: Where) -> tuple[Alternative, ...]:
    """A choice that is off or on: the links are there, or cut, where it is on."""
    edits: tuple[tuple[LinkAction, Node], ...] = tuple((action, link) for link in links)
    return Alternative(False, where=where), Alternative(True, links=edits, where=where)
