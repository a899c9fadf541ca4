"""What a picture can be asked for: its width, its stages, its title, its font; and how wide stages wrap."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import ConnectionGraph, SparxError
from sparx_dsl.render.drawing import Drawing, Text
from sparx_dsl.render.figure import figure
from sparx_dsl.render.look import Look, stage_names
from sparx_dsl.render.marks import drawing, right_of
from sparx_dsl.render.style import SMALL_SIZE
from tests.support.commands import sparx
from tests.support.dot import DEEP, KIND_OF_COLOUR, graph_of, read_dot

POINTS = 72 / 25.4


def long_stage(depth: int, stride: int, window: int | str) -> ConnectionGraph:
    """A backbone of one stage, whose window is as wide as it can be at most."""
    filled = isinstance(window, int) and window < -(-depth // stride)
    stage = {"channels": 8, "depth": depth, "S": stride, "M": window if filled else "all"}
    layer = {"mixer": {"kind": "ssm"}}
    return sparx_dsl.connect(
        sparx_dsl.parse_spec({"sparx": 1, "name": "long", "stem": {"kind": "patch"}, "layer": layer, "stages": [stage]})
    )


def drawn(graph: ConnectionGraph, **look: object) -> Drawing:
    """The drawing of a graph."""
    return sparx_dsl.draw(graph, **look).drawing  # pyright: ignore[reportArgumentType]


@given(st.integers(4, 40), st.integers(1, 4), st.sampled_from([1, 3, "all"]), st.sampled_from([84, 120, 174]))
def test_a_page_has_its_width_and_its_type(depth: int, stride: int, window: int | str, width: int) -> None:
    """As wide as was asked for, nothing beyond its edges, and the smallest type of 7 points, at any depth."""
    page = drawn(long_stage(depth, stride, window), width=width, fold=False)
    assert page.size[0] * page.scale == pytest.approx(width * POINTS)
    assert page.scale * SMALL_SIZE == pytest.approx(7)
    assert all(right_of(mark) <= page.right for mark in page.marks)


@pytest.mark.parametrize("look", [{"style": style} for style in ("lanes", "matrix", "overview")] + [{"layer": "3"}])
def test_long_names_are_shortened_rather_than_the_type(look: dict[str, str]) -> None:
    """Names of 64 letters, alike but for their last one, on a column's width: each is told from the others."""
    name = "stage_of_a_name_as_long_as_any_name_can_be_in_this_language".ljust(63, "x")
    names = {f"stages.{place}.name": f"{name}{place}" for place in range(1, 5)}
    spec = sparx_dsl.load_spec("sparx_mamba_t").edit(names)
    if "layer" in look:
        look = {"layer": f"{name}3.layer3"}
    page = drawn(sparx_dsl.connect(spec), width=84, **look)
    texts = [mark for mark in page.marks if isinstance(mark, Text)]
    assert min(mark.size for mark in texts) * page.scale > 6.9
    shortened = {mark.text for mark in texts if "…x" in mark.text}
    assert {int(found[1]) for text in shortened if (found := re.search(r"…x+(\d)", text))} >= {3}
    assert all(right_of(mark) <= page.right for mark in page.marks)


def test_what_a_page_does_not_hold_is_said() -> None:
    """A picture that is too high, or whose type is too small; none where no width was asked for, or all is well."""
    notes = {width: sparx_dsl.draw("sparx_mamba_b", width=width).notes for width in (40, 84, 300, None)}
    assert [["high" in note for note in found] for found in notes.values()] == [[True, False], [True], [], []]
    done = sparx("draw", "sparx_mamba_b", "-o", "-", "--width", "84")
    assert (done.status, done.stderr) == (0, f"note: {notes[84][0]}\n")
    assert sparx_dsl.draw("sparx_mamba_b", width=84, stages=1).notes == ()
    (high,) = sparx_dsl.draw("sparx_mamba_b", width=84, stages=3, fold=False).notes
    assert ("high" in high, "stages" in high, "matrix" in high) == (True, False, True)


@given(st.integers(4, 40), st.integers(1, 4), st.sampled_from([1, 3, "all"]))
def test_a_wrapped_stage_shows_the_same_connections(depth: int, stride: int, window: int | str) -> None:
    """Wrapping changes places only: the same boxes and arrows as in one line, no two boxes over each other."""
    graph = long_stage(depth, stride, window)
    wide, narrow = figure(graph, Look(fold=False, width=2000)), figure(graph, Look(fold=False, width=84))
    assert narrow.sketch == wide.sketch
    rows = [placed.row for placed in narrow.layout.boxes]
    assert rows == sorted(rows)
    for left, right in itertools.pairwise(narrow.layout.boxes):
        assert left.row < right.row or left.x + left.label.shape.reach < right.x - right.label.shape.reach


@given(st.integers(8, 40), st.integers(1, 3), st.sampled_from([2, 4, "all"]))
def test_broken_arcs_go_on_at_their_height(depth: int, stride: int, window: int | str) -> None:
    """A piece that runs off a lane at some height above the lane's middle comes in on the next at that height."""
    picture = figure(long_stage(depth, stride, window), Look(fold=False, width=84))
    middles = picture.layout.middles
    for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True):
        first = picture.layout.boxes[arc.source].row
        pieces = (*curve.before, curve.points) if curve.before else ()
        for row, (above, below) in enumerate(itertools.pairwise(pieces), first):
            assert above[-1][1] - middles[row] == pytest.approx(below[0][1] - middles[row + 1])
            lane = picture.layout.lanes[picture.layout.boxes[arc.source].lane + row - first]
            assert above[-1][0] > lane.right


def test_no_two_sources_share_a_height_where_they_run_side_by_side() -> None:
    """Inter-connections of different layers that cross the same end of a lane have heights of their own."""
    picture = figure(long_stage(30, 1, 4), Look(fold=False, width=84))
    heights: dict[tuple[int, float], set[int]] = {}
    for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True):
        for row, piece in enumerate(curve.before, picture.layout.boxes[arc.source].row):
            heights.setdefault((row, round(piece[-1][1], 3)), set()).add(arc.source)
    assert heights
    assert all(len(sources) == 1 for sources in heights.values())


@pytest.mark.parametrize(("stages", "shown"), [(2, [2]), ("2-3", [2, 3]), ("stage4,1", [1, 4]), ([1, "3"], [1, 3])])
def test_stages_that_are_asked_for_are_shown(stages: str, shown: list[int]) -> None:
    """Their boxes only, with the connections that are inside them."""
    drawing_text = sparx_dsl.draw(graph_of(DEEP), stages=stages).dot
    assert drawing_text is not None
    read = read_dot(drawing_text)
    names = [read.name(node) for node in read.nodes]
    kept = {name.split(".")[0] for name in names if name.startswith("stage")}
    assert kept == {f"stage{number}" for number in shown}
    assert ("stem" in names, "head" in names) == (1 in shown, 4 in shown)


def test_stage_names_are_read_as_they_are_written() -> None:
    """Numbers, ranges and names; None is all."""
    assert stage_names(None) is None
    assert stage_names(3) == (3,)
    assert stage_names("1, 3-4,deep") == ("1", 3, 4, "deep")


@pytest.mark.parametrize(
    "look", [{"width": 3}, {"width": float("nan")}, {"font": "a'; b"}, {"style": "tree"}, {"stages": 9},
             {"stages": "deap"}, {"stages": "3-1"}, {"stages": []}],
    ids=str,
)  # fmt: skip
def test_what_no_picture_can_be_is_refused(look: dict[str, object], tmp_path: Path) -> None:
    """SPX514 with what to write instead, and no file."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(graph_of(DEEP), tmp_path / "a.svg", **look)  # pyright: ignore[reportArgumentType]
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX514"
    assert diagnostic.help
    assert not list(tmp_path.iterdir())


def test_title_and_legend() -> None:
    """A title stands above and names the file; without a legend nothing stands below the lanes."""
    titled = drawn(graph_of(DEEP), title="Ours <3", legend=False)
    texts = [mark.text for mark in titled.marks if isinstance(mark, Text)]
    assert texts[0] == "Ours <3"
    assert titled.name == "Ours <3"
    assert "added link" not in texts
    assert "added link" in [mark.text for mark in drawn(graph_of(DEEP)).marks if isinstance(mark, Text)]


def test_counts_say_how_many_connections_an_arrow_stands_for() -> None:
    """Each number beside an arrow is that of the connections between its two boxes."""
    picture = figure(graph_of(DEEP), Look())
    several = sorted(f"×{arc.edges}" for arc in picture.sketch.arcs if arc.edges > 1)
    assert several
    texts = [mark.text for mark in drawing(picture, Look()).marks if isinstance(mark, Text)]
    assert sorted(text for text in texts if re.fullmatch(r"×\d+", text)) == several


def test_cut_links_and_mixed_fusions_are_visible() -> None:
    """A link that is cut is an arrow of its own, and ganglion layers name their fusions where these differ."""
    spec = {
        "sparx": 1, "name": "mixed", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
        "stages": [{"channels": 8, "depth": 6, "S": 2, "layers": {4: {"fusion": {"kind": "concat"}}}}],
        "links": {"cut": [{"from": "stage1.layer2", "to": "stage1.layer6"}]},
    }  # fmt: skip
    drawing_text = sparx_dsl.draw(sparx_dsl.parse_spec(spec)).dot
    assert drawing_text is not None
    read = read_dot(drawing_text)
    cut = [(read.name(a), read.name(b)) for a, b, at in read.edges if KIND_OF_COLOUR[at["color"]] == "cut"]
    assert cut == [("stage1.layer2", "stage1.layer6")]
    labels = [node["label"] for node in read.nodes.values()]
    assert {"2\nDMCA", "4\nconcat", "6\nDMCA"} <= set(labels)


def runs(points: tuple[tuple[float, float], ...]) -> Iterator[tuple[bool, float, float, float]]:
    """The straight pieces of a way: whether they lead across, at which y (or x), and from where to where."""
    for start, end in itertools.pairwise(points[::3]):
        for across in (True, False):
            if start[across] == pytest.approx(end[across]):
                low, high = sorted((start[not across], end[not across]))
                yield across, start[across], low, high


@pytest.mark.parametrize("count", range(2, 7))
@pytest.mark.parametrize("target", ["stage2.layer2", "stage2.layer7"])
def test_links_to_one_layer_stay_apart(count: int, target: str) -> None:
    """Links of a stage to one layer of a later row, below its title or beside that, share no straight piece."""
    spec = {
        "sparx": 1, "name": "many", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
        "stages": [{"channels": 8, "depth": 8, "S": 4}, {"channels": 8, "depth": 8}],
        "links": {"add": [{"from": f"stage1.layer{n}", "to": target} for n in range(1, count + 1)]},
    }  # fmt: skip
    picture = figure(sparx_dsl.connect(sparx_dsl.parse_spec(spec)), Look(fold=False))
    ways = [
        list(runs(curve.points))
        for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True)
        if arc.kind == "added"
    ]
    assert len(ways) == count
    for one, other in itertools.combinations(ways, 2):
        for first, second in itertools.product(one, other):
            side_by_side = first[0] == second[0] and abs(first[1] - second[1]) < 2
            assert not side_by_side or min(first[3], second[3]) - max(first[2], second[2]) < 1


@pytest.mark.parametrize("look", [{}, {"style": "matrix"}, {"style": "overview"}, {"layer": "stage3.layer5"}], ids=str)
def test_a_long_title_is_wrapped(look: dict[str, Any]) -> None:
    """In a column its type is as large as without it, and all of its words are there, in lines of their own."""
    title = "Sparse connections across layers with a stride of two and a window of three, as they were released"
    page = sparx_dsl.draw("sparx_mamba_t", width=84, title=title, **look).drawing
    texts = [mark for mark in page.marks if isinstance(mark, Text)]
    assert min(text.size for text in texts) * page.scale >= 6.999
    lines = sorted((text for text in texts if text.text and text.text in title), key=lambda text: -text.y)
    assert title.startswith(" ".join(line.text for line in lines[:2]))
    assert all(one.y - other.y > 12 for one, other in itertools.pairwise(lines))
    assert max(map(right_of, page.marks)) <= page.right
