"""Rows and columns that fill no patch: sizes, features and prices where they are left out, beside PyTorch's own."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import sparx_dsl
from sparx_dsl import Kind
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import DownsampleOptions
from sparx_dsl.language.shrinking import Shrinking, shrunk
from sparx_dsl.lowering import Backbone
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape
from sparx_dsl.search import fingerprint
from tests.support.kinds import registered
from tests.support.spec_oracle_run import SpecOracle
from tests.support.strategies import examples

SIDES = st.integers(1, 70)


@given(st.integers(1, 8), st.integers(0, 60), st.integers(0, 60))
def test_cropped_sizes_are_those_of_a_convolution_without_padding(by: int, taller: int, wider: int) -> None:
    """Of every map that has one whole patch; and of no other, where PyTorch's convolutions refuse the map."""
    x, kernel = torch.empty(1, 1, by + taller, by + wider, device="meta"), torch.empty(1, 1, by, by, device="meta")
    size = x.shape[2], x.shape[3]
    assert shrunk(size, (Shrinking(by, crops=True),)) == functional.conv2d(x, kernel, stride=by).shape[2:]
    assert shrunk((1, by), (Shrinking(by, crops=True),)) == (1, 1)


MIXED = """
sparx: 1
name: mixed
input: {channels: 3, size: [43, 30]}
stem: {kind: patch, size: 3, remainder: crop}
downsample: {kind: conv, kernel: 2, remainder: crop}
layer: {mixer: {kind: depthwise, kernel: 3}, ffn: {kind: none}, fusion: {kind: concat}}
stages:
  - {channels: 8, depth: 1}
  - {channels: 16, depth: 1}
  - {channels: 16, depth: 2, S: 2, downsample: {kind: conv}}
  - {channels: 16, depth: 2, S: 1, M: 1}
links:
  add:
    - {from: stage1.layer1, to: stage4.layer2}
    - {from: stage1.layer1, to: stage2.layer1}
    - {from: stage2.layer1, to: stage4.layer2}
head: {kind: semantic_fpn, classes: 2, pyramid_channels: 4, head_channels: 4}
"""


@pytest.fixture(scope="module")
def pair() -> tuple[Backbone, Backbone]:
    """The backbone of that spec, and the deployed one."""
    model = sparx_dsl.build(sparx_dsl.parse_spec(MIXED)).eval()
    return model, sparx_dsl.deploy(model)


@settings(max_examples=examples(0.3))
@given(height=SIDES, width=SIDES)
def test_features_of_other_stages_fit_where_some_steps_crop_and_some_pad(
    pair: tuple[Backbone, Backbone], height: int, width: int
) -> None:
    """Every map is as planned, and as the spec's values say, also where a map is smaller than a patch."""
    model, deployed = pair
    spec = model.spec
    images = torch.randn(1, 3, height, width)
    plan = sparx_dsl.plan(sparx_dsl.connect(spec), (height, width))
    with torch.no_grad():
        result = model(images)
        expected = SpecOracle(spec.written(), model.state_dict()).maps(images)
        assert torch.allclose(result, expected["head"], atol=1e-5)
        assert torch.allclose(deployed(images), result, atol=1e-5)
    for name, buffer in plan.buffers.items():
        assert name not in expected or buffer.shape == expected[name].shape
    assert sparx_dsl.prices(spec, (height, width)) == sparx_dsl.cost(spec, (height, width)).totals


def test_a_spec_that_pads_is_the_one_that_says_nothing() -> None:
    """It has the hash of the spec without the key, and that which crops another."""
    spec = sparx_dsl.parse_spec(MIXED.replace(", remainder: crop", ""))
    padding = spec.edit({"stem.remainder": "pad", "downsample.remainder": "pad"})
    cropping = [spec.edit({f"{key}.remainder": "crop"}) for key in ("stem", "downsample")]
    hashes = [fingerprint(each) for each in (spec, padding, *cropping)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


class Cropping(DownsampleOptions, frozen=True):
    """Patches of 3×3."""

    kind: Literal["cropping"] = "cropping"

    @property
    def total_stride(self) -> int:
        """The side of a patch."""
        return 3

    @property
    def shrinkings(self) -> Any:
        """What fills no patch is left out."""
        return (Shrinking(3, crops=True),)


class Wrong(Cropping, frozen=True):
    """Says something else each time."""

    said: str = ""

    @property
    def shrinkings(self) -> Any:
        """No steps, too few, or no whole ones."""
        return {"None": None, "2": (Shrinking(2),), "pair": ((3, True),), "half": (Shrinking(3, 1),)}[self.said]  # pyright: ignore[reportArgumentType]


def cropping(options: Cropping, site: Site, *, device: Any = None, dtype: Any = None) -> nn.Conv2d:
    """Make it."""
    return nn.Conv2d(site.channels, site.out_channels, 3, 3, device=device, dtype=dtype)


def cropping_cost(options: Cropping, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """Record it."""
    return tape.convolution(x, site.out_channels, 3, 3, padding=0)


def other(**options: str) -> sparx_dsl.Spec:
    """The mixed spec with that downsampling in front of stage 3."""
    return sparx_dsl.parse_spec(MIXED).edit({"stages.3.downsample": {"kind": "cropping", **options}})


def test_a_kind_of_another_package_says_that_it_crops() -> None:
    """What it says is planned; what is no tuple of steps that make its stride is an error of that package."""
    with registered(Kind("downsample", "cropping", Cropping, cropping, cropping_cost)):
        model = sparx_dsl.build(other()).eval()
        assert model(torch.randn(1, 3, 43, 56)).shape == (1, 2, 43, 56)
        assert [model.schedule.graph.node(f"stage{n}.layer1").map_size((43, 56)) for n in (2, 3)] == [(7, 9), (2, 3)]
    with registered(Kind("downsample", "cropping", Wrong, cropping, cropping_cost)):
        for said in ("None", "2", "pair", "half"):
            with pytest.raises(sparx_dsl.SparxError, match="are invalid: shrinkings returns") as error:
                other(said=said)
            assert [found.code for found in error.value.diagnostics] == ["SPX408"]
