"""The matrix of what reads what: a mark for every connection, in its place."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.render.drawing import Mark, Polygon, Rectangle, Stroke
from sparx_dsl.render.look import Look
from sparx_dsl.render.matrix import CELL, matrix
from tests.support.dot import DEEP, KIND_OF_COLOUR, graph_of
from tests.support.strategies import spec_mappings


def middle(mark: Mark) -> tuple[float, float]:
    """The middle of a mark's extent."""
    if isinstance(mark, Rectangle):
        return mark.left + mark.width / 2, mark.bottom + mark.height / 2
    assert isinstance(mark, Polygon | Stroke)
    xs, ys = zip(*mark.points, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def colour(mark: Mark) -> str | None:
    """The colour that says which kind of connection a mark stands for."""
    if not isinstance(mark, Rectangle | Polygon | Stroke):
        return None
    return mark.paint.stroke if mark.paint.fill == "white" else mark.paint.fill


@given(spec_mappings())
def test_there_is_a_mark_for_each_connection_in_its_cell(mapping: dict[str, Any]) -> None:
    """In the column of what is read and the row of what reads it, in the colour of its kind, and no other marks."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    order = [node.name for node in graph.nodes]
    expected = [(order.index(e.source), order.index(e.target), str(e.kind)) for e in graph.edges]
    expected += [(order.index(link.source), order.index(link.target), "cut") for link in graph.spec.links.cut]
    found: Counter[tuple[int, int, str]] = Counter()
    for mark in matrix(graph, Look(legend=False)).marks:
        kind = KIND_OF_COLOUR.get(colour(mark) or "")
        if kind is not None:
            x, y = middle(mark)
            # A cross is of two strokes.
            found[int(x // CELL), int(-y // CELL), kind] += 1
    assert {cell: count // (2 if cell[2] == "cut" else 1) for cell, count in found.items()} == Counter(expected)


@pytest.mark.parametrize("width", [84, 174])
def test_a_matrix_fits_its_page(width: int) -> None:
    """As wide as was asked for, the titles beside it included."""
    drawn = matrix(graph_of(DEEP), Look(width=width))
    assert drawn.size[0] * drawn.scale == pytest.approx(width * 72 / 25.4)


def test_a_matrix_has_no_dot_text() -> None:
    """SPX511, with the formats that there are."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(DEEP), "matrix.dot", style="matrix")
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX511"]
