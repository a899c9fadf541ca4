"""The connection rule of one stage: its laws, an oracle written as set comprehensions, the paper's examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.graph.rule import STAGE_INPUT, stage_reads
from sparx_dsl.language.models import CrossStage, Intra
from sparx_dsl.language.resolve import StageRule, ganglion_layers, rule_of

depths = st.integers(1, 24)
WHOLE: st.SearchStrategy[Literal["all"]] = st.just("all")
windows: st.SearchStrategy[int | Literal["all"]] = st.one_of(WHOLE, st.integers(1, 24))
cross_stages = st.sampled_from(get_args(CrossStage))
intras = st.sampled_from(get_args(Intra))


@st.composite
def rules(draw: st.DrawFn) -> StageRule:
    """A rule with ganglion layers by stride or at random."""
    depth = draw(depths)
    by_name = st.sets(st.integers(1, depth), min_size=1).map(lambda numbers: tuple(sorted(numbers)))
    by_stride = st.integers(1, depth).map(lambda stride: ganglion_layers(depth, stride))
    ganglion = draw(st.one_of(by_name, by_stride))
    return StageRule(depth, ganglion, draw(windows), draw(cross_stages), draw(intras))


def strided(depth: int, stride: int, window: int) -> StageRule:
    """The rule of a stage whose ganglion layers are given by S and M, with the defaults of the language."""
    return rule_of(depth, stride, window, None)


def edges(rule: StageRule) -> list[tuple[int, str, int]]:
    """(layer read, kind, reading layer) of a whole stage."""
    return [(read.layer, read.kind, g) for g in rule.ganglion for read in stage_reads(rule, g)]


def expected(
    g: int, ganglion: set[int], window: Any, cross_stage: str, intra: str
) -> tuple[set[int], set[int], set[int]]:
    """The stage's input, intra and inter sources of g, each as a set, from the definition in the paper."""
    since = max((h for h in ganglion if h < g), default=0)
    normal = {n for n in range(1, g) if n not in ganglion and (intra == "all" or n > since)}
    below = {h for h in ganglion if h < g} | ({0} if cross_stage == "window" else set[int]())
    limit = len(below) if window == "all" else window
    seen = {h for h in below if len([k for k in below if k > h]) < limit}
    heard = cross_stage == "every" or (cross_stage == "first" and since == 0) or 0 in seen
    return ({0} if heard else set()), normal, seen - {0}


@given(depths, st.data())
def test_ganglion_layers_are_those_of_the_definition(depth: int, data: st.DataObject) -> None:
    """G = {n, n − S, n − 2S, …} ∩ [1, n], in rising order, and the last layer is always in it."""
    stride = data.draw(st.integers(1, depth + 2))
    found = ganglion_layers(depth, stride)
    assert found == tuple(n for n in range(1, depth + 1) if (depth - n) % stride == 0)
    assert found[-1] == depth


@given(rules())
def test_reads_are_those_of_the_definition(rule: StageRule) -> None:
    """The stage's input, the intra and the inter connections of every ganglion layer are exactly the definition's."""
    members = set(rule.ganglion)
    for g in rule.ganglion:
        found = stage_reads(rule, g)
        by_kind = tuple(
            {read.layer for read in found if read.kind == kind} for kind in ("cross_stage", "intra", "inter")
        )
        assert by_kind == expected(g, members, rule.window, rule.cross_stage, rule.intra)
        assert len({read.layer for read in found}) == len(found)


@given(rules())
def test_no_layer_hears_itself_or_a_later_one(rule: StageRule) -> None:
    """Every connection leads forward, so a stage is acyclic."""
    assert all(source < target for source, _, target in edges(rule))


@given(rules())
def test_the_window_is_never_exceeded(rule: StageRule) -> None:
    """At most M ganglion features are read, the closest ones; a stage input that takes a place in the window counts."""
    for g in rule.ganglion:
        found = stage_reads(rule, g)
        hubs = [read.layer for read in found if read.kind == "inter"]
        counted = hubs + [read.layer for read in found if read.kind == "cross_stage" and rule.cross_stage == "window"]
        earlier = [h for h in rule.ganglion if h < g]
        assert hubs == earlier[len(earlier) - len(hubs) :]
        if rule.window != "all":
            assert len(counted) <= rule.window
            assert len(hubs) == min(len(earlier), rule.window)


@given(rules())
def test_the_stage_input_is_read_only_where_asked(rule: StageRule) -> None:
    """``none``: by no layer; ``first``: by the first; ``every``: by all; ``window``: by the first M, or by all."""
    ganglion = list(rule.ganglion)
    heard = [g for g in ganglion for read in stage_reads(rule, g) if read.layer == STAGE_INPUT]
    reach = len(ganglion) if rule.window == "all" else rule.window
    assert heard == {"none": [], "first": ganglion[:1], "every": ganglion, "window": ganglion[:reach]}[rule.cross_stage]


@given(depths, st.data())
def test_in_degrees_follow_from_stride_and_window(depth: int, data: st.DataObject) -> None:
    """The k-th ganglion layer has S − 1 intra connections (the first: as many as come before), min(k − 1, M) inter."""
    stride, window = data.draw(st.integers(1, depth)), data.draw(st.integers(1, depth))
    rule = strided(depth, stride, window)
    for place, g in enumerate(rule.ganglion):
        kinds = [read.kind for read in stage_reads(rule, g)]
        assert kinds.count("intra") == (stride - 1 if place else (depth - 1) % stride)
        assert kinds.count("inter") == min(place, window)
        assert kinds.count("cross_stage") == (place == 0)


@given(rules())
def test_slots_stand_in_the_documented_order(rule: StageRule) -> None:
    """The stage's input, normal layers, ganglion layers, oldest first; in the window, the input heads the last."""
    order = {"cross_stage": 2 if rule.cross_stage == "window" else 0, "intra": 1, "inter": 2}
    for g in rule.ganglion:
        keys = [(order[read.kind], read.layer) for read in stage_reads(rule, g)]
        assert keys == sorted(keys)


@given(rules())
def test_intra_all_reads_every_normal_layer(rule: StageRule) -> None:
    """With ``intra: all`` and no window, a ganglion layer reads every layer before it, each once."""
    dense = replace(rule, intra="all", window="all")
    for g in rule.ganglion:
        assert sorted(read.layer for read in stage_reads(dense, g) if read.layer != STAGE_INPUT) == list(range(1, g))


@given(rules(), st.data())
def test_a_wider_window_only_adds(rule: StageRule, data: st.DataObject) -> None:
    """What is read through a window is read through every wider one as well, and without one."""
    narrow = data.draw(st.integers(1, 24))
    few = replace(rule, window=narrow)
    many = replace(rule, window=data.draw(st.one_of(WHOLE, st.integers(narrow, 25))))
    for g in rule.ganglion:
        assert {read.layer for read in stage_reads(few, g)} <= {read.layer for read in stage_reads(many, g)}


@given(rules())
def test_every_reason_speaks_of_what_is_read(rule: StageRule) -> None:
    """The reason of a connection names the layer that is read, or the stage."""
    for g in rule.ganglion:
        for read in stage_reads(rule, g):
            assert ("stage" if read.layer == STAGE_INPUT else f"layer {read.layer} ") in read.reason


def test_eight_layers_with_stride_two() -> None:
    """n = 8, S = 2: the even layers."""
    assert ganglion_layers(8, 2) == (2, 4, 6, 8)


def test_seven_layers_with_stride_two() -> None:
    """n = 7, S = 2: the odd layers, for the last one is always a ganglion layer."""
    assert ganglion_layers(7, 2) == (1, 3, 5, 7)


def test_figure_two_of_the_paper() -> None:
    """n = 8, S = 2, M = 2: every connection of the figure, written out."""
    figure = {
        2: [("cross_stage", 0), ("intra", 1)],
        4: [("intra", 3), ("inter", 2)],
        6: [("intra", 5), ("inter", 2), ("inter", 4)],
        8: [("intra", 7), ("inter", 4), ("inter", 6)],
    }
    rule = strided(8, 2, 2)
    assert {g: [(read.kind, read.layer) for read in stage_reads(rule, g)] for g in rule.ganglion} == figure


def test_stage_three_of_sparx_mamba_t() -> None:
    """n = 7, S = 2, M = 3: the first layer is a ganglion layer that hears the stage's input alone."""
    rule = strided(7, 2, 3)
    assert [(read.kind, read.layer) for read in stage_reads(rule, 1)] == [("cross_stage", 0)]
    assert [(read.kind, read.layer) for read in stage_reads(rule, 7)] == [
        ("intra", 6),
        ("inter", 1),
        ("inter", 3),
        ("inter", 5),
    ]


def test_a_stage_input_in_the_window_leaves_when_the_window_is_full() -> None:
    """M = 2 with ``cross_stage: window``: the third ganglion layer no longer hears the stage's input."""
    rule = rule_of(4, None, 2, (1, 2, 3, 4), "window")
    heard = [[read.layer for read in stage_reads(rule, g)] for g in rule.ganglion]
    assert heard == [[0], [0, 1], [1, 2], [2, 3]]
