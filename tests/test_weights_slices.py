"""Weights for other widths: the channels that both backbones have, on request, told tensor by tensor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import transfer
from tests.support.checkpoints import same, snapshot
from tests.support.compiled import images_for
from tests.support.deployed import trained

MIXERS: dict[str, dict[str, Any]] = {
    "inverted_residual": {"kind": "inverted_residual", "ratio": 2},
    "continuous_ss2d": {"kind": "continuous_ss2d", "state": 2, "conv": 3},
    "ss2d": {"kind": "ss2d", "state": 2},
    "ssm": {"kind": "ssm", "state": 2, "gate": True},
    "bi_ssm": {"kind": "bi_ssm", "state": 2, "gate": True},
    "attention": {"kind": "attention", "head_width": 8},
    "spatial_reduction_attention": {"kind": "spatial_reduction_attention", "head_width": 8, "reduction": 2},
    "window_attention": {"kind": "window_attention", "head_width": 8, "window": 3},
}


OVER_ALL: dict[str, dict[str, Any]] = {
    "local_ss2d": {"kind": "local_ss2d", "state": 2, "directions": ["columns", "window2_reversed"]},
    "atrous_ss2d": {"kind": "atrous_ss2d", "state": 2},
}
"""Mixers with a norm over all channels, which another width changes."""


def spec(mixer: str, fusion: str, widths: tuple[int, int], **changes: Any) -> sparx_dsl.Spec:
    """Two stages of these widths; BatchNorm, since other norms look at all channels at once."""
    data: dict[str, Any] = {
        "sparx": 1, "name": "sliced", "input": {"size": 24}, "stem": {"kind": "conv", "norm": "batch"},
        "layer": {"dpe": True, "mixer": (MIXERS | OVER_ALL)[mixer], "fusion": {"kind": fusion}, "norm": "batch",
                  "ffn": {"kind": "conv", "ratio": 2}, "layer_scale": 1.0},
        "downsample": {"kind": "conv", "norm": "batch"},
        "stages": [{"channels": widths[0], "depth": 2}, {"channels": widths[1], "depth": 3, "S": 1, "M": 2}],
        "head": {"kind": "linear", "classes": 3},
    }  # fmt: skip
    return sparx_dsl.parse_spec(data | changes)


def zeroed(model: Backbone) -> Backbone:
    """The model in evaluation with nothing in it: no channel gives anything, and BatchNorm changes nothing."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.fill_(1 if name.endswith("running_var") else 0)
    return model.eval()


NARROW, WIDE = (16, 32), (32, 48)


@pytest.mark.parametrize("downsample", ["conv", "merge"])
@pytest.mark.parametrize("fusion", ["concat", "no_gcca"])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_a_wider_backbone_of_zeros_computes_what_the_narrow_one_does(mixer: str, fusion: str, downsample: str) -> None:
    """So every value is where its channel is: query, key and value, gates, directions, ranks, features, corners."""
    more = {"downsample": {"kind": downsample, "norm": "batch"}}
    narrow = trained(sparx_dsl.build(spec(mixer, fusion, NARROW, **more)))
    wide = zeroed(sparx_dsl.build(spec(mixer, fusion, WIDE, **more)))
    report = transfer(narrow, wide, slices=True)
    assert not report.missing
    assert not report.unused
    images = images_for(narrow.spec, 2)
    torch.testing.assert_close(wide(images), narrow(images), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("fusion", ["concat", "no_gcca", "dmca"])
@pytest.mark.parametrize("mixer", [*MIXERS, *OVER_ALL])
def test_there_and_back_again_is_the_same(mixer: str, fusion: str) -> None:
    """Slices of a wider backbone that has taken over a narrow one are that one, to the bit."""
    narrow = trained(sparx_dsl.build(spec(mixer, fusion, NARROW)))
    wide = trained(sparx_dsl.build(spec(mixer, fusion, WIDE)), 1)
    back = trained(sparx_dsl.build(spec(mixer, fusion, NARROW)), 2)
    there = transfer(narrow, wide, slices=True)
    assert not there.missing
    transfer(wide, back, slices=True)
    assert same(snapshot(back), snapshot(narrow))
    shapes = {name: tuple(value.shape) for name, value in narrow.state_dict().items()}
    now = {name: tuple(value.shape) for name, value in wide.state_dict().items()}
    assert {each.name: (each.source_shape, each.shape) for each in there.resized} == {
        name: (shapes[name], now[name]) for name in shapes if shapes[name] != now[name]
    }


def test_it_is_done_on_request_alone() -> None:
    """Without it tensors of another width are as drawn; where widths agree it changes nothing."""
    narrow, wide = (sparx_dsl.build(spec("ss2d", "dmca", widths)) for widths in (NARROW, WIDE))
    plain = transfer(narrow, wide)
    sliced = transfer(narrow, wide, slices=True)
    assert {each.name for each in sliced.resized} == set(plain.missing)
    same_width = sparx_dsl.build(spec("ss2d", "dmca", NARROW))
    assert transfer(narrow, same_width, slices=True) == transfer(narrow, same_width)


def test_features_are_followed_where_widths_differ() -> None:
    """A layer that reads other features keeps the channels of those that it still reads."""
    narrow = trained(sparx_dsl.build(spec("ss2d", "concat", NARROW)))
    edited = spec("ss2d", "concat", WIDE).edit({"stages.2.M": 1, "stages.2.cross_stage": "every"})
    wide = zeroed(sparx_dsl.build(edited))
    transfer(narrow, wide, slices=True)
    path = "stage2.layer3.fusion.fusion.expansion.weight"
    before, now = narrow.state_dict()[path], wide.state_dict()[path]
    reads = [[edge.source for edge in model.schedule.graph.features("stage2.layer3")] for model in (narrow, wide)]
    blocks = [value.unflatten(1, (1 + len(names), -1)) for value, names in zip((before, now), reads, strict=True)]
    rows = before.shape[0]

    def block(place: int, name: str) -> Tensor:
        return blocks[place][:rows, 1 + reads[place].index(name), : NARROW[1]]

    kept = [name for name in reads[1] if name in reads[0]]
    new = [name for name in reads[1] if name not in reads[0]]
    assert kept
    assert new
    assert all(torch.equal(block(0, name), block(1, name)) for name in kept)
    assert not any(block(1, name).any() for name in new)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"layer.mixer.state": 3}, {"x_proj_weight"}),
        ({"layer.mixer.conv": 5}, {"mixer.mixer.conv.weight"}),
        ({"head.classes": 4}, {"head.linear.weight", "head.linear.bias"}),
    ],
)
def test_what_means_something_else_is_as_drawn(change: dict[str, object], names: set[str]) -> None:
    """Another state, a kernel of another size, other classes."""
    narrow = sparx_dsl.build(spec("ss2d", "concat", NARROW))
    wide = sparx_dsl.build(spec("ss2d", "concat", WIDE).edit(change))
    report = transfer(narrow, wide, slices=True)
    assert report.missing
    assert all(name.endswith(tuple(names)) for name in report.missing)
