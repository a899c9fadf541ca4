"""Stages whose maps keep their size, and strides other than 2: sizes, features and prices follow."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl import Kind
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import DownsampleOptions
from sparx_dsl.language.shrinking import total
from sparx_dsl.lowering import Backbone
from sparx_dsl.pricing.tape import FakeTensor, Tape
from tests.support.kinds import registered
from tests.support.modules import settle
from tests.support.spec_oracle_run import SpecOracle
from tests.support.witness import witness

LAYER: dict[str, Any] = {"dpe": True, "mixer": {"kind": "ss2d"}}
NONE = {"kind": "none"}


def backbone_of(*stages: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A spec of these stages."""
    spec = {"sparx": 1, "name": "small", "input": {"size": 32}, "stem": {"kind": "patch"}, "layer": LAYER, **keys}
    return {**spec, "stages": list(stages)}


WHOLE = backbone_of({"channels": 8, "depth": 5, "ganglion": [2, 4, 5], "M": 1}, head={"kind": "linear", "classes": 3})
"""Layer 2 reads the stem and layer 1; layer 4 reads layers 3 and 2; layer 5 reads layer 4."""
HALVES = backbone_of(
    {"channels": 8, "depth": 3, "ganglion": [2]},
    {"channels": 8, "depth": 2, "S": 1, "downsample": NONE},
    links={"add": [{"from": "stage1.layer2", "to": "stage2.layer1"}]},
    head={"kind": "linear", "classes": 3},
)
"""The same in two stages: the input of the second is what its first layer reads, and the link what is missing."""
LATER = {"layer4": "stage2.layer1", "layer5": "stage2.layer2"}


def test_a_stage_in_two_parts_computes_what_the_whole_does() -> None:
    """Cut without a downsampling, a stage has the weights, the prices and the logits of the whole, bit for bit."""
    whole, halves = settle(sparx_dsl.build(WHOLE)), settle(sparx_dsl.build(HALVES), seed=1)
    state = whole.state_dict()
    halves.load_state_dict(
        {re.sub(r"stage1\.(layer[45])", lambda found: LATER[found[1]], name): state[name] for name in state}
    )
    images = torch.randn(2, 3, 27, 33, dtype=torch.float64)
    assert torch.equal(halves(images), whole(images))
    first, second = (sparx_dsl.cost(sparx_dsl.parse_spec(spec)) for spec in (WHOLE, HALVES))
    assert first.totals == second.totals


MIXED = backbone_of(
    {"channels": 8, "depth": 2, "S": 1},
    {"channels": 8, "depth": 3, "S": 2, "downsample": NONE},
    {"channels": 16, "depth": 2, "S": 1, "cross_stage": "every", "downsample": {"kind": "conv", "stride": 1}},
    {"channels": 16, "depth": 2, "S": 1, "downsample": NONE},
    {"channels": 24, "depth": 1, "downsample": {"kind": "conv", "stride": 4, "norm_place": "before"}},
    links={"add": [
        {"from": "stage1.layer1", "to": "stage2.layer2"}, {"from": "stem", "to": "stage2.layer1"},
        {"from": "stage3.downsample", "to": "stage4.layer2"}, {"from": "stage3.layer1", "to": "stage5.layer1"},
        {"from": "stage1.layer1", "to": "stage3.layer1"},
    ]},
)  # fmt: skip
"""Links between stages of one size, of one width and of others, and across a stride of 4."""


@pytest.mark.parametrize("head", [NONE, {"kind": "semantic_fpn", "classes": 2, "pyramid_channels": 4}])
def test_buffers_of_stages_of_one_size_live_as_planned(head: dict[str, Any]) -> None:
    """Maps that later stages read as they are, and those that the head reads too, are freed where the plan says."""
    model = sparx_dsl.build({**MIXED, "head": head}).eval()
    assert isinstance(model, Backbone)
    with witness(model) as seen:
        model(torch.randn(1, 3, 32, 32))
    assert seen.complaints == []
    spec = sparx_dsl.parse_spec({**MIXED, "head": head})
    assert sparx_dsl.prices(spec) == sparx_dsl.cost(spec).totals


def test_a_layer_reads_what_the_downsampling_before_it_reads() -> None:
    """Where that keeps size and width, the map of the stage before fits as it is, and lives until it is read again."""
    spec = backbone_of(
        {"channels": 8, "depth": 1},
        {"channels": 8, "depth": 2, "S": 1, "downsample": {"kind": "conv", "stride": 1}},
        links={"add": [{"from": "stage1.layer1", "to": "stage2.layer2"}]},
    )
    model = sparx_dsl.build(spec).eval()
    assert isinstance(model, Backbone)
    images = torch.randn(1, 3, 32, 32)
    with witness(model) as seen:
        result = model(images)
    assert seen.complaints == []
    assert torch.equal(result, SpecOracle(spec, model.state_dict()).maps(images)["stage2.layer2"])
    first = model.stage_maps(images, {1})[1]
    stage = model.get_submodule("stage2")
    assert torch.equal(stage(first, first), result)
    with pytest.raises(TypeError, match=r"x and 1 features: stage1\.layer1"):
        stage(first)


def test_strides_multiply() -> None:
    """Every size follows from the strides in front, every ``reduction: auto`` from those behind."""
    spec = sparx_dsl.parse_spec(MIXED)
    assert [total(stage.shrinkings) for stage in spec.resolved] == [4, 4, 4, 4, 16]
    assert [stage.reduction for stage in spec.resolved] == [4, 4, 4, 4, 1]
    model = sparx_dsl.build(spec, features=(1, 2, 3, 4, 5)).eval()
    shapes = [tuple(each.shape[1:]) for each in model(torch.randn(1, 3, 37, 50))]
    assert shapes == [(8, 10, 13), (8, 10, 13), (16, 10, 13), (16, 10, 13), (24, 3, 4)]
    assert model.feature_info.reduction() == [4, 4, 4, 4, 16]


def test_an_edit_of_a_stride_reaches_the_stages_in_front() -> None:
    """What was resolved before an edit is not kept where the edit changes its sizes."""
    spec = sparx_dsl.parse_spec(MIXED)
    edited = spec.edit({"stages.5.downsample.stride": 2, "stages.1.depth": 3})
    assert [stage.reduction for stage in edited.resolved] == [2, 2, 2, 2, 1]
    assert edited == sparx_dsl.parse_spec(sparx_dsl.dump_spec(edited))
    source = next(edge for edge in sparx_dsl.connect(edited).edges if edge.kind == "cross_stage"
                  and edge.target == "stage2.layer1")  # fmt: skip
    assert source.source == "stage1.layer3"


class Kept(DownsampleOptions, frozen=True):
    """1×1, of stride 1."""

    kind: Literal["kept"] = "kept"

    @property
    def total_stride(self) -> int:
        """The map keeps its size."""
        return 1


def kept(options: Kept, site: Site, *, device: Any = None, dtype: Any = None) -> nn.Conv2d:
    """Make it."""
    return nn.Conv2d(site.channels, site.out_channels, 1, device=device, dtype=dtype)


def kept_cost(options: Kept, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """Tell it."""
    return tape.convolution(x, site.out_channels)


STAGES = {"channels": 8, "depth": 1}, {"channels": 16, "depth": 1, "downsample": {"kind": "kept"}}


def test_a_kind_of_another_package_says_its_stride() -> None:
    """Where it keeps the map's size and says so, everything is planned, priced and built for that."""
    with registered(Kind("downsample", "kept", Kept, kept, kept_cost)):
        model = sparx_dsl.build(backbone_of(*STAGES))
        assert model(torch.randn(1, 3, 32, 32)).shape == (1, 16, 8, 8)
        assert sparx_dsl.cost(backbone_of(*STAGES)).params == sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize(
    ("options", "said"),
    [(Kept, "so the channels must stay 8, got 16"), (DownsampleOptions, "so its total_stride must be 1, got 2")],
)
def test_a_kind_without_a_module_leaves_the_map_as_it_is(options: type[DownsampleOptions], said: str) -> None:
    """One of another package that changes size or channels is an error of that package."""

    class Without(options, frozen=True):
        kind: Literal["without"] = "without"  # pyright: ignore[reportIncompatibleVariableOverride]

    stages = STAGES[0], {**STAGES[1], "downsample": {"kind": "without"}}
    with registered(Kind("downsample", "without", Without)), pytest.raises(sparx_dsl.SparxError, match=said) as error:
        sparx_dsl.parse_spec(backbone_of(*stages))
    assert [found.code for found in error.value.diagnostics] == ["SPX408"]
