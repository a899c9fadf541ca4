"""Mistakes in links and in what layers read, by code, line and column."""

from __future__ import annotations

import pytest

import sparx_dsl

HEADER = """\
sparx: 1
name: linked
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 8, depth: 2}
  - {channels: 16, depth: 4, S: 2}
"""

MISTAKES = {
    "SPX301 an unknown end": ("links:\n  add:\n    - {from: stage1.layer7, to: stage2.layer2}\n", [("SPX301", 10, 14)]),
    "SPX301 both ends, with a guess": (
        "links: {cut: [{from: stage9.layer1, to: stage2.layr2}]}\n",
        [("SPX301", 8, 22), ("SPX301", 8, 41)],
    ),
    "SPX302 a link backwards": ("links: {add: [{from: stage2.layer2, to: stage2.layer1}]}\n", [("SPX302", 8, 15)]),
    "SPX302 a link to itself": ("links: {add: [{from: stage2.layer2, to: stage2.layer2}]}\n", [("SPX302", 8, 15)]),
    "SPX303 a link into no layer": (
        "links: {add: [{from: stage1.layer1, to: stage2.downsample}]}\n",
        [("SPX303", 8, 41)],
    ),
    "SPX303 a link into a head": (
        "head: {kind: upernet}\nlinks: {cut: [{from: stage1.layer2, to: head}]}\n",
        [("SPX303", 9, 41)],
    ),
    "SPX304 a link that is there": ("links: {add: [{from: stage2.layer1, to: stage2.layer2}]}\n", [("SPX304", 8, 15)]),
    "SPX304 a link added twice": (
        "links:\n  add:\n  - {from: stem, to: stage2.layer1}\n  - {from: stem, to: stage2.layer1}\n",
        [("SPX304", 11, 5)],
    ),
    "SPX305 nothing to cut": ("links:\n  cut: [{from: stem, to: stage2.layer2}]\n", [("SPX305", 9, 9)]),
    "SPX305 a feed is not cut": ("links:\n  cut: [{from: stage2.layer2, to: stage2.layer3}]\n", [("SPX305", 9, 9)]),
    "SPX306 nothing left": (
        "links:\n  cut:\n  - {from: stage2.downsample, to: stage2.layer2}\n"
        "  - {from: stage2.layer1, to: stage2.layer2}\n",
        [("SPX306", 7, 33)],
    ),
}


def places(error: sparx_dsl.SparxError) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake."""
    found: list[tuple[str, int, int]] = []
    for diagnostic in error.diagnostics:
        assert diagnostic.where.span is not None
        found.append((diagnostic.code, diagnostic.where.span.line, diagnostic.where.span.column))
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_links_are_found_at_their_place(mistake: str) -> None:
    """Every mistake in the links is reported with its code at its line and column, all of them at once."""
    text, expected = MISTAKES[mistake]
    spec = sparx_dsl.parse_spec(HEADER + text)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(spec)
    assert places(caught.value) == expected


def test_a_named_ganglion_layer_without_features_is_found_where_it_is_named() -> None:
    """SPX306 points to the stage's ``ganglion`` key where the layers are named outright."""
    text = HEADER.replace("depth: 2}", "depth: 2, ganglion: [1], cross_stage: none}")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(text))
    assert places(caught.value) == [("SPX306", 6, 39)]
    assert "stage1.layer1" in caught.value.diagnostics[0].message
    assert (caught.value.diagnostics[0].help or "").startswith("write cross_stage: first")


def test_a_layer_whose_features_are_cut_points_to_the_cuts() -> None:
    """SPX306 shows every link that was cut, and says to cut fewer."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(HEADER + MISTAKES["SPX306 nothing left"][0]))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.help == "cut fewer links"
    assert [each.where.span and each.where.span.line for each in diagnostic.related] == [10, 11]


def test_a_guess_is_offered_for_an_unknown_end() -> None:
    """SPX301 names the closest node."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(sparx_dsl.parse_spec(HEADER + "links: {cut: [{from: stem, to: stage2.layr2}]}\n"))
    assert "stage2.layer2" in (caught.value.diagnostics[0].help or "")
