"""The marks of a flow: boxes in columns and rows, and arrows that run down, across and down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sparx_dsl.language.flow import Flow, Operation, OperationRole, Wire
from sparx_dsl.render.curves import Curve, Point, path
from sparx_dsl.render.drawing import Mark, Paint, Rectangle, Text
from sparx_dsl.render.marks import arrow, lines
from sparx_dsl.render.style import INK, LINES, SMALL_SIZE, shortened, text_lines, text_width

COLUMN, ROW = 142.0, 64.0
"""Points from column to column, and from row to row."""
BESIDE = 0.9
"""Boxes less than so many rows apart are beside each other."""
BETWEEN = 8.0
"""Points between two boxes, at least."""
LONGEST_NAME, NAME_END = 150.0, 10
"""The points that a name takes at most, and how many of its last letters stay where it is shortened."""
ARROW = 30.0
"""Points for an arrow and the shape beside it."""
SPACE = 14.0
"""What a box is wider than its text."""
DIMENSION = "#c2410c"
"""The colour of shapes, which Figure 3 of SparX has in red."""
BOXES: Mapping[OperationRole, Paint] = {
    "map": Paint("#ffffff", "#555555", "0.9", "3,2"),
    "operation": Paint("#d6ebf8", "#0072b2", "1"),
    "product": Paint("#f5b335", "#8a5a00", "1.2"),
    "sum": Paint("#ffffff", "#555555", "1"),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A box in its place: its middle and its sides."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """The y of the upper edge."""
        return self.y + self.height / 2

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y - self.height / 2


def flow_marks(
    flow: Flow, left: float, top: float, fill: Mapping[str, Paint] | None = None, column: float = COLUMN
) -> Iterator[Mark]:
    """The marks of a flow whose column 0 is ``left`` and whose row 0 is below ``top``.

    ``fill`` has other paints for some operations. Where columns are closer than usual, the texts of boxes that would
    touch are broken into lines, and rows are higher where that needs it.
    """
    flow = replace(flow, operations=tuple(map(_with_short_names, flow.operations)))
    texts = {operation.name: _text(operation, flow, column) for operation in flow.operations}
    row = _row_height(flow, texts)
    frames = {
        operation.name: _frame(operation, texts[operation.name], left + operation.column * column,
                               top - (operation.row + 0.5) * row)
        for operation in flow.operations
    }  # fmt: skip
    for wire in flow.wires:
        yield from arrow(_way(wire, flow, frames, left, column), LINES["feed"].attributes)
    for operation in flow.operations:
        frame = frames[operation.name]
        paint = (fill or {}).get(operation.name) or BOXES[operation.role]
        radius = {"map": 3.0, "sum": frame.height / 2}.get(operation.role, 6.0)
        corner = (frame.x - frame.width / 2, frame.bottom)
        yield Rectangle(*corner, frame.width, frame.height, radius, paint)
        yield from lines(texts[operation.name], (frame.x, frame.y), SMALL_SIZE, INK, "middle")
        if operation.gives:
            yield Text(operation.gives, frame.x + 5, frame.bottom - 10, SMALL_SIZE, DIMENSION)


def columns_of(flow: Flow) -> float:
    """How many columns a flow spans, from the middles of its outermost boxes or from its outermost wires."""
    places = [operation.column for operation in flow.operations]
    places += [wire.column for wire in flow.wires if wire.column is not None]
    return max(places) - min(places)


def _with_short_names(operation: Operation) -> Operation:
    """The box with names of layers in its text that are no wider than ``LONGEST_NAME``."""
    words = (shortened(word, LONGEST_NAME, SMALL_SIZE, end=NAME_END) for word in operation.text.split(" "))
    return replace(operation, text=" ".join(words))


def _sides(operation: Operation, text: str) -> tuple[float, float]:
    """Width and height of a box with that text."""
    if operation.role == "sum":
        return 16.0, 16.0
    rows = text.split("\n")
    height = SMALL_SIZE * 1.2 * len(rows) + 9
    return max(max(text_width(row, SMALL_SIZE) for row in rows) + SPACE, height), height


def _frame(operation: Operation, text: str, x: float, y: float) -> Frame:
    return Frame(x, y, *_sides(operation, text))


def _text(operation: Operation, flow: Flow, column: float) -> str:
    """The text of a box, in more lines where it would touch a box beside it."""
    width = _sides(operation, operation.text)[0]
    for other in flow.operations:
        apart = abs(other.column - operation.column) * column
        if apart and abs(other.row - operation.row) < BESIDE:
            theirs = _sides(other, other.text)[0]
            if (width + theirs) / 2 + BETWEEN > apart:
                return _broken(operation.text, apart - BETWEEN - SPACE)
    return operation.text


def _broken(text: str, width: float) -> str:
    """The text in lines of at most ``width``, as far as its words allow that."""
    return "\n".join(line for row in text.split("\n") for line in text_lines(row, width, SMALL_SIZE))


def _row_height(flow: Flow, texts: Mapping[str, str]) -> float:
    """Points from row to row, so that an arrow and the shape beside it have room between two boxes."""
    boxes = {operation.name: operation for operation in flow.operations}
    needed = [ROW]
    for wire in flow.wires:
        source, target = boxes[wire.source], boxes[wire.target]
        if wire.column is None and target.row > source.row and "\n" in texts[source.name] + texts[target.name]:
            heights = sum(_sides(one, texts[one.name])[1] for one in (source, target)) / 2
            needed.append((heights + ARROW) / (target.row - source.row))
    return max(needed)


def _way(wire: Wire, flow: Flow, frames: Mapping[str, Frame], left: float, column: float) -> Curve:
    """The arrow of a wire."""
    source, target = frames[wire.source], frames[wire.target]
    if wire.column is not None:
        x = left + wire.column * column
        start, tip = (
            (frame.x + (frame.width if x > frame.x else -frame.width) / 2, frame.y) for frame in (source, target)
        )
        return path((start, tip) if source.y == target.y else (start, (x, source.y), (x, target.y), tip))
    start, tip = (source.x, source.bottom), (_port(wire, flow, frames), target.top)
    if abs(start[0] - tip[0]) < 0.5:
        return path((start, tip))
    turn = tip[1] + 14
    corners: tuple[Point, ...] = (start, (start[0], turn), (tip[0], turn), tip)
    return path(corners)


def _port(wire: Wire, flow: Flow, frames: Mapping[str, Frame]) -> float:
    """Where a wire arrives on the upper edge: in the order in which the sources stand."""
    target = frames[wire.target]
    arriving = [each.source for each in flow.wires if each.target == wire.target and each.column is None]
    arriving.sort(key=lambda name: frames[name].x)
    if len(arriving) == 1:
        return target.x
    step = min(26.0, (target.width - 12) / (len(arriving) - 1))
    return target.x + (arriving.index(wire.source) - (len(arriving) - 1) / 2) * step
