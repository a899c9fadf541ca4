"""What a connection graph says of itself: its listing, its explanations, and what it answers to a wrong name."""

from __future__ import annotations

from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.errors import Code
from tests.support.backbones import tiny
from tests.support.golden_text import Golden
from tests.support.paths import SPECS


def test_explanation_of_a_ganglion_layer(golden: Golden) -> None:
    """``explain`` says what stage3.layer5 of SparX-Mamba-T reads and why, and who reads it."""
    golden.check(sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml").explain("stage3.layer5"))


def test_explanation_of_a_head_that_reads_all_stages(golden: Golden) -> None:
    """``explain`` says which maps the head reads and that it is given the images; and of a layer, that it is tapped."""
    graph = sparx_dsl.connect(sparx_dsl.load_spec(SPECS / "swin_t.yaml").edit({"head": None, "head.kind": "upernet"}))
    golden.check("\n".join(graph.explain(name) for name in ("head", "stage3.layer6")))


@pytest.mark.parametrize("name", ["sparx_mamba_t", "swin_t"])
def test_explanation_of_the_whole(name: str, golden: Golden) -> None:
    """Without a node, ``explain`` gives the shortest way, the degrees, and the features by age, where there are any."""
    golden.check(sparx_dsl.connect(SPECS / f"{name}.yaml").explain())


def test_the_whole_counts_as_its_edges_do(golden: Golden) -> None:
    """By hand: layer 4 reads layers 1 and 3, and the head both stages' maps, one of them by its feed."""
    golden.check(
        sparx_dsl.connect(
            {
                "sparx": 1,
                "name": "counted",
                "stem": {"kind": "patch"},
                "layer": {"mixer": {"kind": "ssm"}},
                "stages": [
                    {"channels": 8, "depth": 4, "ganglion": [4], "cross_stage": "none"},
                    {"channels": 8, "depth": 1},
                ],
                "links": {"cut": [{"from": "stage1.layer2", "to": "stage1.layer4"}]},
                "head": {"kind": "upernet"},
            }
        ).explain()
    )


def test_listing(golden: Golden) -> None:
    """``str(graph)`` lists every node of SparX-Mamba-T with what it reads."""
    golden.check(str(sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml")))


def test_listing_with_links(golden: Golden) -> None:
    """Added and adapted links, a dense stage and a stage input in the window are told apart in the listing."""
    golden.check(
        str(
            sparx_dsl.connect(
                {
                    "sparx": 1,
                    "name": "linked",
                    "stem": {"kind": "patch"},
                    "layer": {
                        "mixer": {"kind": "window_attention", "heads": 2},
                        "fusion": {"kind": "concat"},
                        "ffn": {"kind": "none"},
                    },
                    "stages": [
                        {"channels": 8, "depth": 4, "S": 2, "M": 2, "cross_stage": "window"},
                        {"channels": 16, "depth": 3, "ganglion": [2, 3], "intra": "all", "cross_stage": "every"},
                    ],
                    "links": {
                        "add": [
                            {"from": "stage1.layer2", "to": "stage2.layer1"},
                            {"from": "stage2.layer1", "to": "stage2.layer2"},
                        ],
                        "cut": [{"from": "stage2.layer1", "to": "stage2.layer2"}],
                    },
                }
            )
        )
    )


def test_an_unknown_name_cannot_be_explained() -> None:
    """``explain`` raises SPX310 with the closest name, and no place, for no text is behind the question."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml").explain("stage2.layr2")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.where.span) == ("SPX310", None)
    assert "stage2.layer2" in (diagnostic.help or "")


def test_asking_for_what_is_not_there() -> None:
    """A missing node is a ``KeyError``, the settings of what is no layer a ``LookupError``; the stem has no feed."""
    graph = sparx_dsl.connect(SPECS / "sparx_mamba_t.yaml")
    with pytest.raises(KeyError):
        graph.node("stage9")
    with pytest.raises(LookupError):
        _ = graph.node("stem").layer_settings
    assert graph.feed("stem") is None


LINKED: dict[str, Any] = tiny()
"""Three stages, of which the third reads a layer of each other through links."""


def test_a_node_says_who_reads_it_and_which_links_are_adapted() -> None:
    """Readers are by other edges than feeds; a link is adapted where size or width differ."""
    graph = sparx_dsl.connect(LINKED)
    assert [(edge.target, edge.kind) for edge in graph.readers("stage1.layer2")] == [("deep.layer1", "added")]
    assert [edge.source for edge in graph.edges if graph.adapted(edge)] == ["stage1.layer2", "stage2.layer1"]
    assert graph.node("stage1.layer1").layer_settings.norm == "batch"
    assert repr(graph) == f"ConnectionGraph('tiny', {len(graph.nodes)} nodes, {len(graph.edges)} edges)"


def test_connections_are_counted_while_they_are_made() -> None:
    """At the limit there is a graph; beyond it SPX404 says what to make smaller."""
    count = sum(edge.kind in ("intra", "inter", "cross_stage") for edge in sparx_dsl.connect(LINKED).edges)
    sparx_dsl.connect(LINKED, limits=sparx_dsl.Limits(connections=count))
    with pytest.raises(sparx_dsl.SparxError, match=f"read more than {count - 1} features") as caught:
        sparx_dsl.connect(LINKED, limits=sparx_dsl.Limits(connections=count - 1))
    assert [each.code for each in caught.value.diagnostics] == [Code.TOO_MANY_CONNECTIONS]


def test_no_more_mistakes_in_links_are_told_than_the_limit() -> None:
    """Of many unknown ends the first are told."""
    links = {"add": [{"from": f"stage1.layer{number}", "to": "deep.layer1"} for number in range(5, 12)]}
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.connect({**LINKED, "links": links}, limits=sparx_dsl.Limits(errors=3))
    assert len(caught.value.diagnostics) == 3
