"""What a layer is inside: the diagrams that fusions give of themselves hold what their modules hold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.kind import Kind, load
from sparx_dsl.language.base import Site
from sparx_dsl.language.flow import Flow
from sparx_dsl.registry import builtin_kinds, default_registry
from sparx_dsl.render.drawing import Rectangle, Text
from sparx_dsl.render.flow_marks import COLUMN, flow_marks
from sparx_dsl.render.marks import left_of, right_of

FUSIONS = [kind for kind in builtin_kinds() if kind.role == "fusion"]
SITES = [Site(64, 128, features=1), Site(64, 128, features=3, reduction=2), Site(96, 288, features=5, reduction=4)]
GIVEN: dict[str, list[dict[str, Any]]] = {"dmca": [{"shortcut": False}, {"reduction": 1}], "sca": [{"merging": 1}]}
CASES = [
    (kind, site, options)
    for kind, site in itertools.product(FUSIONS, SITES)
    for options in [{}, *GIVEN.get(kind.name, [])]
]


def flow_of(kind: Kind, site: Site, options: dict[str, Any]) -> Flow:
    """The diagram of a fusion with some options."""
    return load(kind.diagram)(kind.load_options()(kind=kind.name, **options), site)


def spec(fusion: str) -> sparx_dsl.Spec:
    """A small backbone with that fusion."""
    layer = {"mixer": {"kind": "ss2d"}, "fusion": {"kind": fusion}}
    stages = [{"channels": 32, "depth": 4, "S": 2}, {"channels": 64, "depth": 2, "S": 1}]
    return sparx_dsl.parse_spec({"sparx": 1, "name": "a", "stem": {"kind": "patch"}, "layer": layer, "stages": stages})


@pytest.mark.parametrize(("kind", "site", "options"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_a_diagram_has_the_convolutions_and_norms_of_the_module(
    kind: Kind, site: Site, options: dict[str, Any]
) -> None:
    """As many depthwise convolutions, 1×1 convolutions and BatchNorms are written in its boxes as are built."""
    built: nn.Module = load(kind.module)(kind.load_options()(kind=kind.name, **options), site, device="meta")
    convolutions = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    text = "\n".join(operation.text for operation in flow_of(kind, site, options).operations)
    pointwise = [conv for conv in convolutions if conv.kernel_size == (1, 1) and conv.groups < conv.in_channels]
    assert text.count("depthwise") == len(convolutions) - len(pointwise)
    assert len(re.findall(r"(?<!depthwise )1×1", text)) == len(pointwise)
    assert text.count("BatchNorm") == sum(isinstance(module, nn.BatchNorm2d) for module in built.modules())


@pytest.mark.parametrize(("kind", "site", "options"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_all_in_a_diagram_leads_from_the_inputs_to_the_result(kind: Kind, site: Site, options: dict[str, Any]) -> None:
    """No box stands apart, arrows lead down, and what comes out has the channels that the module gives."""
    flow = flow_of(kind, site, options)
    graph = nx.DiGraph([(wire.source, wire.target) for wire in flow.wires])
    assert set(graph.nodes) == {operation.name for operation in flow.operations}
    assert {name for name, degree in graph.in_degree() if degree == 0} == {"x", "features"}
    assert [name for name, degree in graph.out_degree() if degree == 0] == ["result"]
    rows = {operation.name: operation.row for operation in flow.operations}
    assert all(rows[wire.source] < rows[wire.target] for wire in flow.wires)
    result = next(operation.text for operation in flow.operations if operation.name == "result")
    module = load(kind.module)(kind.load_options()(kind=kind.name, **options), site)
    given = module(torch.zeros(2, site.channels, 8, 8), torch.zeros(2, site.features * site.channels, 8, 8))
    assert result == f"{given.shape[1] // site.channels}C × N"


@pytest.mark.parametrize(("kind", "site", "options"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_boxes_of_a_diagram_stand_apart(kind: Kind, site: Site, options: dict[str, Any]) -> None:
    """No two boxes touch, and shapes are written between them; in narrow columns too. A stride has its number."""
    for column in (COLUMN, 93.0):
        marks = list(flow_marks(flow_of(kind, site, options), 0, 0, column=column))
        boxes = [mark for mark in marks if isinstance(mark, Rectangle)]
        for one, other in itertools.combinations(boxes, 2):
            apart = one.left + one.width < other.left or other.left + other.width < one.left
            assert apart or one.bottom + one.height < other.bottom or other.bottom + other.height < one.bottom
        assert not [mark for mark in marks if isinstance(mark, Text) and mark.text.endswith("stride")]


@pytest.mark.parametrize("kind", FUSIONS, ids=lambda kind: kind.name)
def test_an_inside_fits_a_column_of_a_paper(kind: Kind) -> None:
    """84 mm wide, with no type below 7 points, and nothing beyond the page."""
    drawn = sparx_dsl.draw(spec(kind.name), layer="stage1.layer4", width=84).drawing
    assert drawn.size[0] * drawn.scale == pytest.approx(84 * 72 / 25.4)
    assert min(mark.size for mark in drawn.marks if isinstance(mark, Text)) * drawn.scale >= 6.999
    assert max(map(right_of, drawn.marks)) <= drawn.right
    assert min(map(left_of, drawn.marks)) >= drawn.left


@pytest.mark.parametrize("kind", FUSIONS, ids=lambda kind: kind.name)
def test_a_layer_shows_what_it_reads_and_what_its_fusion_is(kind: Kind) -> None:
    """The names of the features, with their kinds; the mixer; the fusion by its title, in a panel of its own."""
    marks = sparx_dsl.draw(spec(kind.name), layer="stage1.layer4").drawing.marks
    texts = [mark.text for mark in marks if isinstance(mark, Text)]
    assert {"stage1.layer3 (intra)", "stage1.layer2 (inter)", "SS2D", "from stage1.layer3"} <= set(texts)
    assert texts.count(kind.title) == 2
    normal = sparx_dsl.draw(spec(kind.name), layer="stage1.layer3").drawing.marks
    assert kind.title not in [mark.text for mark in normal if isinstance(mark, Text)]


def test_an_overview_shows_both_kinds_of_layers() -> None:
    """As Figure 2 of SparX does: the connections, and the parts of a normal and of a ganglion layer."""
    drawn = sparx_dsl.draw(spec("dmca"), style="overview", title="Ours")
    texts = [mark.text for mark in drawn.drawing.marks if isinstance(mark, Text)]
    assert texts.count("Ours") == 1
    assert {"Normal layer", "Ganglion layer", "Stage 1 · S=2, M=all"} <= set(texts)


@pytest.mark.parametrize("name", ["stage1.layr4", "stage9.layer1", "stem"])
def test_a_layer_that_is_not_there_is_refused(name: str) -> None:
    """SPX514, with a name that is there."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(spec("dmca"), layer=name)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SPX514"
    assert "layer" in (diagnostic.help or "")


@pytest.mark.parametrize("look", [{"stages": 1}, {"style": "matrix"}], ids=str)
def test_a_layer_alone_has_neither_stages_nor_a_style(look: dict[str, Any]) -> None:
    """SPX514, where one of the two would be without effect."""
    with pytest.raises(SparxError) as raised:
        sparx_dsl.draw(spec("dmca"), layer="stage1.layer4", **look)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["SPX514"]


def failing(options: object, site: Site) -> Flow:
    """A diagram that fails."""
    raise RuntimeError("no ink")


def writing(options: object, site: Site) -> str:
    """A diagram that is none."""
    return "a text"


FAULTS: dict[str, Callable[[object, Site], object]] = {"no ink": failing, "gives no Flow": writing}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_diagram_of_another_package_that_fails_is_its_error(fault: str) -> None:
    """SPX413, as for the other facets; without a diagram the fusion is one box."""
    own = default_registry().find("fusion", "concat")
    assert own is not None
    try:
        default_registry().add(replace(own, owner="theirs", diagram=FAULTS[fault]), replace=True)
        with pytest.raises(SparxError) as raised:
            sparx_dsl.draw(spec("concat"), layer="stage1.layer4")
        (diagnostic,) = raised.value.diagnostics
        assert diagnostic.code == "SPX413"
        assert fault in diagnostic.message
        default_registry().add(replace(own, owner="theirs", diagram=None), replace=True)
        texts = [m.text for m in sparx_dsl.draw(spec("concat"), layer="stage1.layer4").drawing.marks
                 if isinstance(m, Text)]  # fmt: skip
        assert texts.count(own.title) == 1
    finally:
        default_registry().add(own, replace=True)
