"""Every kind's module: shapes at any size, agreement with naive oracles, precisions and initial values."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.kinds.ffns.depthwise_mlp.options import DepthwiseMlp
from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.kinds.mixers.inception.options import InceptionBlock
from sparx_dsl.kinds.mixers.inverted_residual.options import InvertedResidual
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import SpatialReductionAttention
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.mixers.ssd.options import SSD
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.kinds.stems.overlapping.options import OverlappingStem
from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.language.base import KindOptions, NormName, Site
from sparx_dsl.language.roles import MixerOptions, Role
from sparx_dsl.nn.init import initialise
from sparx_dsl.nn.layer import fusing, ganglion_mixing, normal_mixing
from sparx_dsl.nn.layer_scale import LayerScale
from tests.support.modules import builder, random_map, settle

CHANNELS = 8
SIZES = ((1, 1), (1, 9), (4, 4), (5, 7), (9, 6))
MIXERS = (
    SS2D(),
    SS2D(state=2, conv=0, bias=False, rank=3),
    SSM(state=2),
    SSM(state=2, gate=False, conv=0, bias=True),
    BiSSM(state=2),
    BiSSM(state=1, halve=True, gate=False),
    WindowAttention(window=3, heads=2),
    WindowAttention(window=4, head_width=4, shift=False),
    WindowAttention(window=1, heads=1),
    LocalSS2D(state=2),
    AtrousSS2D(state=2),
    ContinuousSS2D(state=2, conv=3),
    InvertedResidual(),
    SSD(heads=2),
    AttentionMixer(heads=2),
    SpatialReductionAttention(heads=1),
    SpatialReductionAttention(heads=2, reduction=4),
    SpatialReductionAttention(head_width=2, reduction="pool"),
    InceptionBlock(band=5, branch=3),
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", MIXERS, ids=repr)
def test_mixers_keep_any_shape(options: MixerOptions, size: tuple[int, int]) -> None:
    """A normal layer and a ganglion layer give maps of the input's shape, finite, with gradients that are finite."""
    site = Site(CHANNELS, CHANNELS, number=2)
    x = random_map(CHANNELS, *size).requires_grad_()
    width = options.projected(CHANNELS)
    fusion = settle(fusing(DMCA(groups=2), Site(CHANNELS, width, features=2, reduction=2), builder("fusion", DMCA())))
    normal = settle(normal_mixing(options, site, builder("mixer", options)))
    ganglion = settle(ganglion_mixing(options, site, builder("mixer", options), LayerScale(CHANNELS, 1.0)))
    result = normal(x) + ganglion(x, fusion(x, torch.cat((x, 2 * x), dim=1)))
    assert result.shape == x.shape
    assert result.isfinite().all()
    (gradient,) = torch.autograd.grad(result.square().sum(), x)
    assert gradient.isfinite().all()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 21),
    width=st.integers(1, 21),
    convs=st.integers(2, 4),
    size=st.integers(1, 6),
    norm=st.sampled_from(("batch", "layer", "group")),
)
def test_stems_and_downsamplings_round_up(height: int, width: int, convs: int, size: int, norm: NormName) -> None:
    """Sizes are ceil(size / stride), whatever the size."""
    image = random_map(3, height, width)
    kinds: tuple[tuple[Role, KindOptions, int], ...] = (
        ("stem", ConvStem(convs=convs, norm=norm), 4),
        ("stem", PatchStem(size=size, norm=norm), size),
        ("stem", OverlappingStem(size=5, step=4, norm=norm), 4),
        ("stem", OverlappingStem(step=2, norm=norm), 2),
        ("downsample", ConvDownsample(norm=norm), 2),
        ("downsample", ConvDownsample(norm=norm, stride=1), 1),
        ("downsample", ConvDownsample(norm=norm, stride=4), 4),
        ("downsample", MergeDownsample(norm=norm), 2),
    )
    for role, options, stride in kinds:
        module = settle(builder(role, options)(options, Site(3, 5)))
        assert module(image).shape == (2, 5, math.ceil(height / stride), math.ceil(width / stride)), options


@pytest.mark.parametrize(
    "options", [Mlp(ratio=2), Mlp(ratio=2.6667), ConvFfn(ratio=3), DepthwiseMlp(ratio=2, relu=True)]
)
def test_feed_forward_networks_keep_the_shape(options: Mlp | ConvFfn | DepthwiseMlp) -> None:
    """An FFN gives its input's shape, and its two 1×1 convolutions have the stated width."""
    module = builder("ffn", options)(options, Site(CHANNELS, CHANNELS))
    assert module(torch.randn(2, CHANNELS, 5, 3)).shape == (2, CHANNELS, 5, 3)
    assert module.expansion.out_channels == int(options.ratio * CHANNELS)


@pytest.mark.parametrize("norm", ["group", "layer", "batch", "rms"])
def test_the_head_normalises_then_averages(norm: NormName) -> None:
    """Logits are a linear map of the mean over positions of the normalised feature."""
    head = settle(builder("head", LinearHead())(LinearHead(classes=6), Site(CHANNELS, 6, norm=norm)))
    x = random_map(CHANNELS, 3, 5)
    channels = {"group": (1, 2, 3), "layer": (1,)}.get(norm)
    shift = torch.zeros(CHANNELS) if norm == "rms" else head.norm.bias
    if norm == "rms":
        mean, variance = 0, x.square().mean(1, keepdim=True)
    elif channels is None:
        mean, variance = (each[:, None, None] for each in (head.norm.running_mean, head.norm.running_var))
    else:
        mean, variance = x.mean(channels, keepdim=True), x.var(channels, correction=0, keepdim=True)
    normed = (x - mean) / (variance + 1e-5).sqrt() * head.norm.weight[:, None, None] + shift[:, None, None]
    expected = normed.sum((2, 3)) / 15 @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head(x), expected)


def test_patch_merging_reads_the_corners_in_the_order_of_checkpoints() -> None:
    """The four corners of a patch stand as (even, even), (odd, even), (even, odd), (odd, odd): (row, column)."""
    options = MergeDownsample()
    module = settle(builder("downsample", options)(options, Site(2, 3)))
    x = random_map(2, 3, 5)
    padded = torch.zeros(2, 2, 4, 6, dtype=torch.float64)
    padded[:, :, :3, :5] = x
    patch = torch.cat([padded[:, :, 2 + row, 4 + column] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))], dim=1)
    normed = functional.layer_norm(patch, (8,), module.norm.weight, module.norm.bias)
    torch.testing.assert_close(module(x)[:, :, 1, 2], normed @ module.reduction.weight[:, :, 0, 0].T)


def attention_by_position(module: Any, projected: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """The oracle: every position looks at the real positions of its window, found from its coordinates alone."""
    batch, channels, height, width = projected.shape
    depth = channels // 3 // heads
    query, key, value = projected.reshape(batch, 3, heads, depth, height, width).unbind(1)
    result = torch.zeros_like(query)
    places = [(row, column) for row in range(height) for column in range(width)]
    for row, column in places:
        home = ((row - shift) // window, (column - shift) // window)
        peers = [(r, c) for r, c in places if ((r - shift) // window, (c - shift) // window) == home]
        scores = torch.stack(
            [
                (query[..., row, column] * key[..., r, c]).sum(-1) / math.sqrt(depth)
                + module.position_bias[(row - r + window - 1) * (2 * window - 1) + column - c + window - 1]
                for r, c in peers
            ],
            dim=-1,
        )
        values = torch.stack([value[..., r, c] for r, c in peers], dim=-1)
        result[..., row, column] = (scores.softmax(-1)[:, :, None] * values).sum(-1)
    return functional.conv2d(result.flatten(1, 2), module.out_projection.weight, module.out_projection.bias)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 8),
    width=st.integers(1, 8),
    window=st.integers(1, 5),
    heads=st.integers(1, 2),
    number=st.integers(1, 2),
    shifts=st.booleans(),
)
def test_window_attention_looks_at_real_positions_of_its_window_only(
    height: int, width: int, window: int, heads: int, number: int, shifts: bool
) -> None:
    """At any size, padding changes nothing; layers of even number shift, unless the map is no larger than a window."""
    options = WindowAttention(window=window, heads=heads, shift=shifts)
    module = settle(builder("mixer", options)(options, Site(4, 4, number=number)))
    shifted = shifts and number == 2 and min(height, width) > window
    projected = random_map(12, height, width)
    expected = attention_by_position(module, projected, heads, window, window // 2 if shifted else 0)
    torch.testing.assert_close(module(projected), expected)


def scan_by_direction(module: Any, x: Tensor, direction: int) -> Tensor:
    """The oracle of one direction: walk the map's positions one by one and write each result where it was read."""
    _, inner, height, width = x.shape
    rank, state = module.rank, module.state
    rows = [(row, column) for row in range(height) for column in range(width)]
    columns = [(row, column) for column in range(width) for row in range(height)]
    path = (rows, columns, rows[::-1], columns[::-1])[direction]
    A = -module.A_logs[direction * inner : (direction + 1) * inner].exp()
    D = module.D[direction * inner : (direction + 1) * inner]
    hidden, result = torch.zeros(x.shape[0], inner, state, dtype=x.dtype), torch.zeros_like(x)
    for row, column in path:
        here = x[:, :, row, column]
        values = here @ module.x_proj_weight[direction].T
        steps = values[:, :rank] @ module.dt_weight[direction].T + module.dt_bias[direction]
        steps = (1 + steps.exp()).log()[:, :, None]
        inward, outward = values[:, None, rank : rank + state], values[:, None, rank + state :]
        hidden = (steps * A).exp() * hidden + steps * inward * here[:, :, None]
        result[:, :, row, column] = (hidden * outward).sum(2) + D * here
    return result


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", [1, 3])
def test_ss2d_is_four_walks_over_the_map(size: tuple[int, int], state: int) -> None:
    """Depthwise convolution, SiLU, the sum of four directional scans, norm, projection."""
    options = SS2D(state=state, conv=3, rank=2)
    module = settle(builder("mixer", options)(options, Site(3, 3, norm="group")))
    projected = random_map(6, *size)
    x = functional.conv2d(projected, module.conv.weight, module.conv.bias, padding=1, groups=6)
    x = x * x.sigmoid()
    total = torch.stack([scan_by_direction(module, x, direction) for direction in range(4)]).sum(0)
    normed = functional.group_norm(total, 1, module.norm.weight, module.norm.bias)
    expected = functional.conv2d(normed, module.out_projection.weight, module.out_projection.bias)
    torch.testing.assert_close(module(projected), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("options", MIXERS, ids=repr)
def test_modules_run_in_other_precisions(options: MixerOptions, dtype: torch.dtype) -> None:
    """A module moved to bfloat16 gives bfloat16 near the float32 result; built in a dtype, it computes in it."""
    torch.manual_seed(0)
    site = Site(CHANNELS, CHANNELS, number=2)
    model = normal_mixing(options, site, builder("mixer", options)).eval()
    x = torch.randn(2, CHANNELS, 5, 4)
    found = copy.deepcopy(model).to(dtype)(x.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), model(x), rtol=0.05, atol=0.05)
    built = normal_mixing(options, site, builder("mixer", options), dtype=dtype)
    assert {parameter.dtype for parameter in built.parameters()} == {dtype}


@pytest.mark.parametrize("options", MIXERS, ids=repr)
def test_modules_run_under_autocast(options: MixerOptions) -> None:
    """Under autocast to bfloat16 a layer's result is near the float32 one, and so is a fusion's."""
    torch.manual_seed(0)
    width = options.projected(CHANNELS)
    model = normal_mixing(options, Site(CHANNELS, CHANNELS, number=2), builder("mixer", options)).eval()
    fusion = fusing(DMCA(groups=2), Site(CHANNELS, width, features=1, reduction=2), builder("fusion", DMCA())).eval()
    x = torch.randn(2, CHANNELS, 5, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, fused = model(x), fusion(x, x)
    torch.testing.assert_close(found.float(), model(x), rtol=0.05, atol=0.05)
    torch.testing.assert_close(fused.float(), fusion(x, x), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("options", MIXERS, ids=repr)
def test_a_module_from_the_meta_device_is_as_good_as_any(options: MixerOptions) -> None:
    """Built on meta, emptied onto the CPU and initialised, a layer is like one that is built there."""
    site = Site(CHANNELS, CHANNELS, number=2)
    model = normal_mixing(
        options, site, builder("mixer", options), LayerScale(CHANNELS, 0.5, device="meta"), device="meta"
    )
    assert all(parameter.is_meta for parameter in model.parameters())
    model = model.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    initialise(model)
    there = normal_mixing(options, site, builder("mixer", options), LayerScale(CHANNELS, 0.5))
    for (name, value), other in zip(model.state_dict().items(), there.state_dict().values(), strict=True):
        assert value.isfinite().all(), name
        torch.testing.assert_close(value.double().mean(), other.double().mean(), rtol=0.5, atol=0.5)
    assert model(torch.randn(1, CHANNELS, 4, 5)).isfinite().all()
