"""The heads that read every stage: naive oracles, any size, auxiliary results, diagnostics."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl.kinds.heads.options import SegmentationHead
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.language.base import Site
from tests.support.dense_heads import EACH, KINDS, several, small
from tests.support.modules import batch_norm, builder, conv, random_map, settle

MAPS = (4, 6, 8)
SIZES = ((1, 1), (32, 32), (33, 50), (40, 7))
"""Of images; the first map is a quarter of them."""


# Oracles: resampling by matrices written from the definitions, convolutions by the names of their weights.


def bilinear(inputs: int, outputs: int) -> Tensor:
    """The matrix (outputs, inputs) of linear interpolation between the middles of cells, clamped at the edges."""
    matrix = torch.zeros(outputs, inputs, dtype=torch.float64)
    for row in range(outputs):
        place = max((row + 0.5) * inputs / outputs - 0.5, 0.0)
        low = min(math.floor(place), inputs - 1)
        matrix[row, low] += 1 - (place - low)
        matrix[row, min(low + 1, inputs - 1)] += place - low
    return matrix


def nearest(inputs: int, outputs: int) -> Tensor:
    """The matrix that takes, for each cell, the one that its first edge lies in."""
    matrix = torch.zeros(outputs, inputs, dtype=torch.float64)
    for row in range(outputs):
        matrix[row, row * inputs // outputs] = 1
    return matrix


def pooling(inputs: int, outputs: int) -> Tensor:
    """The matrix of means over parts that cover the cells, each part from floor to ceiling of its share."""
    matrix = torch.zeros(outputs, inputs, dtype=torch.float64)
    for row in range(outputs):
        part = range(row * inputs // outputs, -(-(row + 1) * inputs // outputs))
        matrix[row, part.start : part.stop] = 1 / len(part)
    return matrix


def resample(matrix: Any, x: Tensor, height: int, width: int) -> Tensor:
    """A map at another size, by the matrix of each side."""
    return matrix(x.shape[2], height) @ x @ matrix(x.shape[3], width).T


def rectified(state: dict[str, Tensor], name: str, x: Tensor, padding: int = 1) -> Tensor:
    """Convolution, BatchNorm, ReLU with the weights of that name."""
    return batch_norm(state, f"{name}.conv.norm", conv(state, f"{name}.conv.conv", x, padding=padding)).clamp(min=0)


def normed(state: dict[str, Tensor], maps: list[Tensor]) -> list[Tensor]:
    """LayerNorm over the channels of each position."""
    found: list[Tensor] = []
    for place, x in enumerate(maps):
        mean, variance = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
        weight, bias = (state[f"norms.norms.{place}.{leaf}"][:, None, None] for leaf in ("weight", "bias"))
        found.append((x - mean) / (variance + 1e-5).sqrt() * weight + bias)
    return found


def semantic_fpn(state: dict[str, Tensor], maps: list[Tensor], size: tuple[int, int]) -> Tensor:
    """The oracle of Semantic FPN, level by level."""
    maps = normed(state, maps)
    levels = [conv(state, f"pyramid.laterals.{k}", x) for k, x in enumerate(maps)]
    for k in (1, 0):
        levels[k] = levels[k] + resample(nearest, levels[k + 1], *levels[k].shape[2:])
    levels = [conv(state, f"pyramid.outputs.{k}", x, padding=1) for k, x in enumerate(levels)]
    first, second = levels[0].shape[2:], levels[1].shape[2:]
    one = rectified(state, "climbs.0.convs.0", levels[0])
    two = resample(bilinear, rectified(state, "climbs.1.convs.0", levels[1]), *first)
    three = resample(bilinear, rectified(state, "climbs.2.convs.0", levels[2]), *second)
    three = resample(bilinear, rectified(state, "climbs.2.convs.1", three), *first)
    return resample(bilinear, conv(state, "classifier", one + two + three), *size)


def upernet(state: dict[str, Tensor], maps: list[Tensor], size: tuple[int, int]) -> Tensor:
    """The oracle of UPerNet with pools of 1 and 3."""
    maps = normed(state, maps)
    third = maps[2].shape[2:]
    pooled = [
        resample(bilinear, rectified(state, f"pooling.branches.{k}", resample(pooling, maps[2], n, n), 0), *third)
        for k, n in enumerate((1, 3))
    ]
    top = rectified(state, "pooling.fusion", torch.cat([maps[2], *pooled], dim=1))
    middle = rectified(state, "laterals.1", maps[1], 0)
    middle = middle + resample(bilinear, top, *middle.shape[2:])
    bottom = rectified(state, "laterals.0", maps[0], 0)
    bottom = bottom + resample(bilinear, middle, *bottom.shape[2:])
    first = bottom.shape[2:]
    levels = [rectified(state, "outputs.0", bottom), resample(bilinear, rectified(state, "outputs.1", middle), *first),
              resample(bilinear, top, *first)]  # fmt: skip
    fused = rectified(state, "fusion", torch.cat(levels, dim=1))
    return resample(bilinear, conv(state, "classifier", fused), *size)


def maps_for(size: tuple[int, int]) -> list[Tensor]:
    """Random maps of three stages for an image of that size."""
    return [random_map(channels, -(-size[0] // 2**k), -(-size[1] // 2**k), seed=k)
            for k, channels in enumerate(MAPS, start=2)]  # fmt: skip


CASES: list[tuple[SegmentationHead, Any]] = [
    (SemanticFpn(classes=5, pyramid_channels=6, head_channels=4), semantic_fpn),
    (UPerNet(classes=5, pyramid_channels=6, pools=(1, 3), auxiliary_channels=4), upernet),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("options", "oracle"), CASES, ids=KINDS)
def test_heads_are_their_descriptions(options: SegmentationHead, oracle: Any, size: tuple[int, int]) -> None:
    """Each head agrees with the step by step oracle, for images of any size and shape."""
    head = settle(builder("head", options)(options, Site(8, 8, maps=MAPS)))
    maps, images = maps_for(size), random_map(3, *size)
    result = head(*maps, images)
    assert result.shape == (2, 5, *size)
    torch.testing.assert_close(result, oracle(head.state_dict(), maps, size))


def test_the_auxiliary_result_is_of_the_last_map_but_one() -> None:
    """In training UPerNet gives its result and that of a 3×3 convolution and the classes on the middle map."""
    options = UPerNet(classes=5, pyramid_channels=6, auxiliary_channels=4)
    head = settle(builder("head", options)(options, Site(8, 8, maps=MAPS)))
    maps, images = maps_for((33, 50)), random_map(3, 33, 50)
    state, expected = head.state_dict(), head(*maps, images)
    # The heads' own mode is training's, their BatchNorms' is not, so that the oracle's statistics hold.
    head.training = True
    result, auxiliary = head(*maps, images)
    torch.testing.assert_close(result, expected)
    hidden = rectified(state, "auxiliary.conv", normed(state, maps)[1])
    torch.testing.assert_close(auxiliary, resample(bilinear, conv(state, "auxiliary.classifier", hidden), 33, 50))


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS), stages=st.integers(1, 4), size=st.tuples(st.integers(1, 45), st.integers(1, 45)),
    stride=st.integers(1, 5),
)  # fmt: skip
def test_every_pixel_gets_its_classes(kind: str, stages: int, size: tuple[int, int], stride: int) -> None:
    """Whatever the stages, the stem and the image, the result is (batch, classes, height, width) of the image."""
    mapping = {
        "sparx": 1, "name": "any", "stem": {"kind": "patch", "size": stride}, "layer": {"mixer": {"kind": "ss2d"}},
        "stages": [{"channels": 8, "depth": 1}] * stages,
        "head": {"kind": kind, "classes": 3, "pyramid_channels": 4},
    }  # fmt: skip
    model = sparx_dsl.build(mapping, device="meta").eval()
    assert model(torch.empty(2, 3, *size, device="meta")).shape == (2, 3, *size)
    assert sparx_dsl.plan(mapping, size, 2).buffers["head"].shape == (2, 3, *size)


@EACH
def test_auxiliary_changes_training_only(kind: str) -> None:
    """In evaluation the result is one tensor; in training it is two where there is an auxiliary head, else one."""
    images = torch.randn(2, 3, 33, 50)
    for auxiliary in (True, False) if kind == "upernet" else (None,):
        spec = small(kind, **({} if auxiliary is None else {"auxiliary": auxiliary}))
        model = sparx_dsl.build(spec)
        shapes = [tuple(each.shape) for each in several(model(images))]
        assert shapes == [(2, 5, 33, 50)] * (2 if auxiliary else 1)
        assert isinstance(model.eval()(images), Tensor)
        keys = [key for key in model.state_dict() if key.startswith("head.auxiliary")]
        assert bool(keys) == bool(auxiliary)


def test_the_auxiliary_head_costs_parameters_and_no_macs() -> None:
    """It is in the parameters; inference does not run it."""
    with_it, without = (sparx_dsl.cost(small("upernet", auxiliary=wanted)) for wanted in (True, False))
    assert with_it.macs == without.macs
    assert with_it.params - without.params == 16 * 256 * 9 + 2 * 256 + 256 * 5 + 5


# Mistakes.

HEADER = "sparx: 1\nname: x\nstem: {kind: patch}\nlayer: {mixer: {kind: ss2d}}\nstages: [{channels: 8, depth: 1}]\n"


@pytest.mark.parametrize(
    ("head", "code", "column"),
    [
        ("{kind: upernt}", "SPX106", 14),
        ("{kind: upernet, classes: 0}", "SPX104", 32),
        ("{kind: upernet, pools: []}", "SPX104", 30),
        ("{kind: upernet, pools: [1, 0]}", "SPX104", 34),
        ("{kind: upernet, auxiliary: 1}", "SPX103", 34),
        ("{kind: semantic_fpn, auxiliary: true}", "SPX101", 28),
        ("{kind: semantic_fpn, norm: instance}", "SPX105", 34),
        ("{kind: semantic_fpn, head_channels: 1.5}", "SPX103", 43),
    ],
)
def test_bad_options_are_charged_at_their_place(head: str, code: str, column: int) -> None:
    """Each wrong option of a head has its code at its line and column."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(f"{HEADER}head: {head}\n")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.where.span is not None
    assert (diagnostic.code, diagnostic.where.span.line, diagnostic.where.span.column) == (code, 6, column)
