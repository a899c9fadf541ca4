"""The fusions: agreement with naive oracles, step by step, at any size; and the modes that they run in."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sparx_dsl.kinds.fusions.aggregator import complete
from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.language.base import Site
from sparx_dsl.language.roles import FusionOptions
from sparx_dsl.nn.init import initialise
from tests.support.modules import batch_norm, builder, conv, random_map, settle

FUSIONS = (
    DMCA(groups=2), DMCA(groups=2, shortcut=False), ConcatFusion(), NoGcca(), NoGcca(ratio=3), SCA(heads=2),
    SCA(head_width=8, merging=1), SRA(heads=4), SRA(head_width=4, reduction=1),
)  # fmt: skip


def reduced(state: dict[str, Tensor], name: str, x: Tensor, ratio: int) -> Tensor:
    """Query or key: spatial reduction, then 1×1 and BatchNorm."""
    if ratio > 1:
        x = conv(state, f"{name}.reduction.conv", x, stride=ratio, padding=(ratio + 1) // 2, groups=x.shape[1])
        x = functional.gelu(batch_norm(state, f"{name}.reduction.norm", x))
    return batch_norm(state, f"{name}.projection.norm", conv(state, f"{name}.projection.conv", x))


def gathered(state: dict[str, Tensor], features: Tensor, name: str) -> Tensor:
    """The features, normed, filtered, and projected by the 1×1 of that name."""
    selected = functional.group_norm(features, 1, state["norm.weight"], state["norm.bias"])
    selected = conv(state, "selection.conv", selected, padding=1, groups=features.shape[1])
    return functional.gelu(conv(state, name, functional.gelu(batch_norm(state, "selection.norm", selected))))


def dmca_by_steps(
    state: dict[str, Tensor], x: Tensor, features: Tensor, groups: int, ratio: int, out_channels: int, *, shortcut: bool
) -> Tensor:
    """The oracle: equation 1 of the paper with the authors' details, one channel at a time where channels attend."""
    channels = x.shape[1]
    both = gathered(state, features, "key_value")
    query = reduced(state, "query", x, ratio)
    key, value = reduced(state, "key", both[:, :channels], ratio), reduced(state, "value", both[:, channels:], 1)
    attended, share = torch.zeros_like(value), channels // groups
    for channel in range(channels):
        peers = range(channel // share * share, (channel // share + 1) * share)
        scale = 1 / math.sqrt(query.shape[2] * query.shape[3])
        scores = torch.stack([(query[:, channel] * key[:, peer]).sum((1, 2)) for peer in peers], dim=1)
        scores = (scores * scale).softmax(1)
        attended[:, channel] = sum(scores[:, place, None, None] * value[:, peer] for place, peer in enumerate(peers))
    if not shortcut:
        return conv(state, "projection", functional.gelu(conv(state, "mixing", attended, padding=1, groups=channels)))
    return mixed_by_steps(state, query if query.shape == x.shape else x, attended, value, out_channels)


def mixed_by_steps(state: dict[str, Tensor], own: Tensor, attended: Tensor, value: Tensor, out_channels: int) -> Tensor:
    """The end of DMCA: three maps shuffled and projected in three groups, missing channels made up for."""
    batch, channels, height, width = own.shape
    three = torch.cat((own, attended, value), dim=1)
    shuffled = torch.empty_like(three)
    for place in range(3 * channels):
        shuffled[:, place % 3 * channels + place // 3] = three[:, place]
    mixed = functional.gelu(conv(state, "mixing", shuffled, padding=1, groups=3 * channels))
    result = conv(state, "projection", mixed, groups=3)
    if out_channels % 3 == 1:
        return torch.cat((result, result.mean(1, keepdim=True)), dim=1)
    if out_channels % 3 == 2:
        rows = result.permute(0, 2, 3, 1).reshape(batch, height * width, -1)
        two = functional.adaptive_avg_pool1d(rows, 2).reshape(batch, height, width, 2).permute(0, 3, 1, 2)
        return torch.cat((result, two), dim=1)
    return result


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 7)])
@pytest.mark.parametrize("ratio", [1, 2, 3, 4])
@pytest.mark.parametrize(("out_channels", "shortcut"), [(12, True), (13, True), (14, True), (17, True), (13, False)])
def test_dmca_is_its_equation(size: tuple[int, int], ratio: int, out_channels: int, shortcut: bool) -> None:
    """DMCA agrees with the step by step oracle at every reduction, size and remainder of the output width by three."""
    options = DMCA(groups=2, reduction=ratio, shortcut=shortcut)
    module = settle(builder("fusion", options)(options, Site(6, out_channels, norm="group", features=3)))
    x, features = random_map(6, *size), random_map(18, *size, seed=2)
    expected = dmca_by_steps(module.state_dict(), x, features, 2, ratio, out_channels, shortcut=shortcut)
    assert expected.shape[1] == out_channels
    torch.testing.assert_close(module(x, features), expected)


@pytest.mark.parametrize("channels", [6, 9])
def test_missing_channels_are_means(channels: int) -> None:
    """Two missing channels are what adaptive average pooling over the channels gives, shared middle and all."""
    x = random_map(channels, 2, 3)
    pooled = functional.adaptive_avg_pool1d(x.flatten(2).transpose(1, 2), 2).transpose(1, 2).reshape(2, 2, 2, 3)
    torch.testing.assert_close(complete(x, 2)[:, channels:], pooled)
    torch.testing.assert_close(complete(x, 1)[:, channels], x.mean(1))


def conv_ffn(state: dict[str, Tensor], prefix: str, x: Tensor) -> Tensor:
    """1×1, depthwise 3×3 without residual, GELU, 1×1."""
    hidden = conv(state, f"{prefix}expansion", x)
    hidden = conv(state, f"{prefix}conv", hidden, padding=1, groups=hidden.shape[1])
    return conv(state, f"{prefix}projection", functional.gelu(hidden))


def attended_by_steps(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Multi-head attention of a map (B, C, H, W) to tokens (B, C, n), one image, head and position at a time."""
    result = torch.zeros_like(query)
    share = query.shape[1] // heads
    for image in range(query.shape[0]):
        for first in range(0, query.shape[1], share):
            part = slice(first, first + share)
            for row in range(query.shape[2]):
                for column in range(query.shape[3]):
                    one = query[image, part, row, column]
                    scores = torch.stack([one @ keys[image, part, token] for token in range(keys.shape[2])])
                    weights = (scores / math.sqrt(share)).exp()
                    weights = weights / weights.sum()
                    result[image, part, row, column] = values[image, part] @ weights
    return result


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
@pytest.mark.parametrize("ratio", [1, 3])
def test_no_gcca_fuses_query_and_value(size: tuple[int, int], ratio: int) -> None:
    """DMCA's query and a value gathered to C channels stand side by side, and a Conv-FFN fuses them."""
    options = NoGcca(ratio=ratio)
    module = settle(builder("fusion", options)(options, Site(4, 11, norm="group", features=2)))
    x, features, state = random_map(4, *size), random_map(8, *size, seed=2), module.state_dict()
    query = reduced(state, "query", x, 1)
    value = reduced(state, "value", gathered(state, features, "gathering"), 1)
    assert state["fusion.conv.bias"].shape == (4 * ratio,)
    torch.testing.assert_close(module(x, features), conv_ffn(state, "fusion.", torch.cat((query, value), dim=1)))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 7)])
@pytest.mark.parametrize(("reduction", "heads"), [(1, 1), (2, 2), (3, 3)])
def test_sra_attends_to_reduced_key_and_value(size: tuple[int, int], reduction: int, heads: int) -> None:
    """Positions attend to reduced ones of the gathered features; X, Z and the full-size Y_v end as in DMCA."""
    options = SRA(heads=heads, reduction=reduction)
    module = settle(builder("fusion", options)(options, Site(6, 13, norm="group", features=3)))
    x, features, state = random_map(6, *size), random_map(18, *size, seed=2), module.state_dict()
    both = gathered(state, features, "key_value")
    key, value = (
        reduced(state, name, each, reduction).flatten(2)
        for name, each in (("key", both[:, :6]), ("value", both[:, 6:]))
    )
    attended = attended_by_steps(reduced(state, "query", x, 1), key, value, heads)
    torch.testing.assert_close(module(x, features), mixed_by_steps(state, x, attended, both[:, 6:], 13))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 7)])
@pytest.mark.parametrize(("merging", "heads"), [(1, 1), (2, 3), (4, 2)])
def test_sca_attends_to_own_and_merged_tokens(size: tuple[int, int], merging: int, heads: int) -> None:
    """Positions attend to one another and to the scaled, normed and projected tokens that features are merged to."""
    options = SCA(heads=heads, merging=merging)
    module = settle(builder("fusion", options)(options, Site(6, 11, norm="group", features=3)))
    x, features, state = random_map(6, *size), random_map(18, *size, seed=2), module.state_dict()
    merged = conv(state, "merging.conv", features, stride=merging, padding=merging - 1, groups=18)
    assert merged.shape[2:] == tuple(math.ceil(side / merging) for side in size)
    scaled = torch.cat([merged[:, 6 * i : 6 * i + 6] * state["merging.scale"][i] for i in range(3)], dim=1)
    normed = functional.group_norm(scaled, 1, state["merging.norm.weight"], state["merging.norm.bias"])
    tokens = conv(state, "merging.key_value", normed).flatten(2)
    own = conv(state, "query_key_value", x)
    keys = torch.cat((own[:, 6:12].flatten(2), tokens[:, :6]), dim=2)
    values = torch.cat((own[:, 12:].flatten(2), tokens[:, 6:]), dim=2)
    attended = attended_by_steps(own[:, :6], keys, values, heads)
    residual = x + conv(state, "attended_projection", attended)
    enhanced = batch_norm(state, "enhancement.norm", conv(state, "enhancement.conv", residual, padding=1, groups=6))
    torch.testing.assert_close(module(x, features), conv(state, "projection", enhanced))


@pytest.mark.parametrize("options", FUSIONS, ids=repr)
@settings(max_examples=8, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    features=st.integers(1, 3),
    reduction=st.integers(1, 4),
    out_channels=st.integers(3, 17),
    last=st.booleans(),
)
def test_fusions_take_any_shape(
    options: FusionOptions, height: int, width: int, features: int, reduction: int, out_channels: int, last: bool
) -> None:
    """Any map becomes one of its size with the mixer's channels, and gradients reach input and features."""
    site = Site(8, out_channels, features=features, reduction=reduction)
    module = settle(builder("fusion", options)(options, site))
    layout = torch.channels_last if last else torch.contiguous_format
    x, read = (
        random_map(channels, height, width).contiguous(memory_format=layout).requires_grad_()
        for channels in (8, 8 * features)
    )
    result = module(x, read)
    assert result.shape == (2, out_channels, height, width)
    result.square().sum().backward()
    for gradient in (x.grad, read.grad):
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.any()


@pytest.mark.parametrize("options", FUSIONS, ids=repr)
def test_fusions_run_under_autocast(options: FusionOptions) -> None:
    """Under autocast to bfloat16 a fusion's result is near the float32 one."""
    torch.manual_seed(0)
    module = builder("fusion", options)(options, Site(8, 13, features=2, reduction=2)).eval()
    x, features = torch.randn(2, 8, 5, 4), torch.randn(2, 16, 5, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(x, features)
    torch.testing.assert_close(found.float(), module(x, features), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("options", FUSIONS, ids=repr)
def test_fusions_from_the_meta_device_can_be_initialised(options: FusionOptions) -> None:
    """``initialise`` leaves no parameter of a fusion as it was."""
    module = builder("fusion", options)(options, Site(8, 13, features=2, reduction=2), device="meta")
    assert all(parameter.is_meta for parameter in module.parameters())
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(float("nan"))
    initialise(module)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_factors_of_features_begin_at_one() -> None:
    """SCA scales no feature before training."""
    module = builder("fusion", SCA())(SCA(), Site(32, 64, features=3))
    assert torch.equal(module.merging.scale, torch.ones(3, 1, 1, 1))


def test_concatenation_fuses_input_and_features() -> None:
    """1×1 over input and features side by side, depthwise 3×3 without residual, GELU, 1×1."""
    options = ConcatFusion()
    module = settle(builder("fusion", options)(options, Site(4, 11, features=2)))
    x, features = random_map(4, 3, 5), random_map(8, 3, 5, seed=2)
    state = module.state_dict()
    assert state["conv.bias"].shape == (8,)
    torch.testing.assert_close(module(x, features), conv_ffn(state, "", torch.cat((x, features), dim=1)))
