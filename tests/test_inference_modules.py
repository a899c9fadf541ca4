"""The modules that deployed backbones have in the place of those for training, each by itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrize, prune

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.deployment import Place
from sparx_dsl.inference.fused_convolution import (
    CompiledDepthwise,
    PositionLinear,
    activated,
    fused_convolution,
    gelu_of,
    in_turn,
    is_compilable,
)
from sparx_dsl.inference.fused_norm import CompiledNorm, is_whole_map_norm, norm_in_place
from sparx_dsl.kinds.mixers.window_attention.inference import FusedWindowedAttention
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import convolution, depthwise, pointwise
from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.onednn import Activation
from tests.support.backbones import small
from tests.support.deployed import DOUBLE, SINGLE, images_of, results, trained, worst_error
from tests.support.fused_scans import channels_last, fused_scan, scan_of
from tests.support.strategies import examples


@settings(max_examples=examples(0.3), deadline=None)
@given(
    planned=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    size=st.none() | st.tuples(st.integers(1, 15), st.integers(1, 15)),
    window=st.integers(2, 5),
    shifted=st.booleans(),
    batch=st.integers(1, 3),
)
def test_gathered_windows_are_the_rolled_ones(
    planned: tuple[int, int], size: tuple[int, int] | None, window: int, shifted: bool, batch: int
) -> None:
    """One gather of positions is the same attention as padding, rolling and cutting, at any size."""
    torch.manual_seed(0)
    options = WindowAttention(window=window, heads=2, shift=shifted)
    plain = WindowedAttention(options, Site(8, 8, number=2), dtype=torch.float64)
    nn.init.normal_(plain.position_bias)
    projected = torch.randn(batch, 24, *(size or planned), dtype=torch.float64)
    projected = projected.contiguous(memory_format=torch.channels_last)
    made = FusedWindowedAttention(copy.deepcopy(plain), Place(planned, may_overwrite=False))
    found, expected = results(made, projected), results(plain, projected)
    assert worst_error(found, expected) < DOUBLE


def test_windows_of_no_images_are_none() -> None:
    """Gathered, and by the kernel."""
    plain = WindowedAttention(WindowAttention(window=2, heads=2), Site(8, 8, number=2))
    made = FusedWindowedAttention(plain, Place((5, 5), may_overwrite=False))
    with torch.no_grad():
        for dtype in (torch.float64, torch.float32):
            assert made.to(dtype)(torch.empty(0, 24, 5, 5, dtype=dtype)).shape == (0, 8, 5, 5)


@settings(max_examples=examples(0.3), deadline=None)
@given(
    kernel=st.sampled_from([1, 2, 3, 5]),
    stride=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 8]),
    bias=st.booleans(),
    last=st.booleans(),
)
def test_inference_convolutions_are_convolutions(kernel: int, stride: int, groups: int, bias: bool, last: bool) -> None:
    """The convolution for inference, and its GELU, are those of PyTorch's operators."""
    torch.manual_seed(0)
    conv = convolution(8, 16, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=bias)
    conv.requires_grad_(False)
    nn.init.normal_(conv.weight)
    x = torch.randn(2, 8, 9, 7)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    made = fused_convolution(copy.deepcopy(conv))
    assert worst_error([made(x)], [conv(x)]) < SINGLE
    assert worst_error([gelu_of(made, x)], [nn.functional.gelu(conv(x))]) < SINGLE
    assert worst_error([activated(made, x, "silu", may_overwrite=False)], [nn.functional.silu(conv(x))]) < SINGLE


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("may_overwrite", [True, False])
def test_compiled_convolutions_are_convolutions(bias: bool, may_overwrite: bool) -> None:
    """Plain, GELU and SiLU; a map is overwritten only where that is allowed, and by a plain call never."""
    torch.manual_seed(0)
    conv = depthwise(40, 5, bias=bias).requires_grad_(False)
    nn.init.normal_(conv.weight)
    made, x = CompiledDepthwise(copy.deepcopy(conv)), channels_last(2, 40, 9, 7)
    kept = x.clone()
    assert worst_error([made(x)], [conv(x)]) < SINGLE
    activations: dict[Activation, Callable[[Tensor], Tensor]] = {"gelu": functional.gelu, "silu": functional.silu}
    for name, activation in activations.items():
        given_map = x.clone(memory_format=torch.preserve_format)
        found = activated(made, given_map, name, may_overwrite)
        assert worst_error([found], [activation(conv(x))]) < SINGLE
        assert may_overwrite or torch.equal(given_map, kept)
    assert torch.equal(x, kept)


class Halved(PositionLinear):
    """A user's own, which gives half of what it is derived from."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width)."""
        return super().forward(input) / 2


def test_convolutions_in_turn_are_each_by_itself() -> None:
    """To the bit, without gradients or with, with hooks, other forwards, new weights; what is given stays."""
    torch.manual_seed(0)
    convs = [pointwise(8, 40), depthwise(40, 3), pointwise(40, 8)]
    made = [fused_convolution(conv) for conv in convs]
    made[1] = CompiledDepthwise(made[1])
    x, seen = channels_last(2, 8, 6, 5), [0]
    kept = x.clone()

    def compare() -> None:
        expected = made[2](activated(made[1], made[0](x), "gelu", may_overwrite=False))
        assert torch.equal(in_turn(x, (made[0], "none"), (made[1], "gelu"), (made[2], "none")), expected)
        assert torch.equal(x, kept)

    def hook(*_: object) -> None:
        seen[0] += 1

    def plain(input: Tensor) -> Tensor:
        return input.repeat(1, 5, 1, 1).contiguous(memory_format=torch.channels_last)

    compare()
    with torch.no_grad():
        compare()
        made[1].weight.mul_(2)
        compare()
        with made[1].register_forward_hook(hook):
            compare()
        assert seen == [2]
        with register_module_forward_hook(hook):
            compare()
        assert seen[0] > 5
        given_map = x.repeat(1, 5, 1, 1).contiguous(memory_format=torch.channels_last)
        kept_map = given_map.clone()
        in_turn(given_map, (made[1], "gelu"))
        assert torch.equal(given_map, kept_map)
        made[0].forward = plain
        compare()
        made[2] = Halved(made[2])
        compare()


def test_which_convolutions_the_kernel_stands_for() -> None:
    """Depthwise ones of a compiled size that keep the map's size, and no others."""
    same: dict[str, Any] = {"padding": 1, "groups": 8}
    assert is_compilable(convolution(8, 8, 3, **same))
    others: list[tuple[int, int, Any, dict[str, Any]]] = [
        (8, 8, 3, {"padding": 1}),
        (8, 16, 3, same),
        (8, 8, 3, same | {"stride": 2}),
        (8, 8, 3, same | {"dilation": 2, "padding": 2}),
        (8, 8, 3, same | {"padding": 0}),
        (8, 8, (3, 5), same | {"padding": (1, 2)}),
        (8, 8, 9, same | {"padding": 4}),
    ]
    for channels, out_channels, kernel, options in others:
        assert not is_compilable(convolution(channels, out_channels, kernel, **options)), options


def test_without_the_library_convolutions_are_those_of_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a compiler gets the same results."""
    monkeypatch.setattr(library, "problem", lambda: "none was built")
    conv, x = depthwise(32, 3).requires_grad_(False), channels_last(1, 32, 6, 6)
    made = CompiledDepthwise(copy.deepcopy(conv))
    assert not made.compiled
    assert worst_error([gelu_of(made, x, may_overwrite=True)], [functional.gelu(conv(x))]) < SINGLE


def test_compiled_norms_are_norms() -> None:
    """Of maps in either layout; a plain call overwrites none, and other norms stay PyTorch's."""
    torch.manual_seed(0)
    plain = nn.GroupNorm(1, 24).requires_grad_(False)
    for parameter in plain.parameters():
        nn.init.normal_(parameter)
    made = CompiledNorm(copy.deepcopy(plain))
    for x in (channels_last(2, 24, 5, 6), torch.randn(2, 24, 5, 6), torch.randn(2, 24, 7)):
        kept, expected = x.clone(), plain(x)
        assert worst_error([made(x)], [expected]) < SINGLE
        assert torch.equal(x, kept)
        assert worst_error([norm_in_place(made, x)], [expected]) < SINGLE
    made.weight.mul_(2)
    x = channels_last(1, 24, 3, 3)
    assert worst_error([made(x)], [functional.group_norm(x, 1, made.weight, made.bias)]) < SINGLE
    assert is_whole_map_norm(plain)
    assert not any(is_whole_map_norm(each) for each in (nn.GroupNorm(2, 24), nn.GroupNorm(1, 24, affine=False), made))


@pytest.mark.filterwarnings("ignore:.*lru_cache.*")
def test_computed_weights_are_plain_weights() -> None:
    """A deployed module that is pruned or parametrised goes on, without what it has kept."""
    x = channels_last(1, 32, 5, 5)
    for conv in (CompiledDepthwise(depthwise(32, 3)), fused_convolution(pointwise(32, 8))):
        conv.requires_grad_(False)
        conv(x)
        prune.l1_unstructured(conv, "weight", 0.5)
        expected = functional.conv2d(x, conv.weight, conv.bias, padding=conv.padding, groups=conv.groups)
        with torch.no_grad():
            assert worst_error([conv(x)], [expected.detach()]) < SINGLE
    scan, plain = fused_scan(scan_of(3), may_overwrite=False), scan_of(3)
    scan(x)
    parametrize.register_parametrization(scan, "A_logs", nn.Identity())
    assert worst_error([scan(x)], [plain(x)]) < SINGLE


def test_fake_tensors_leave_nothing_behind() -> None:
    """What was kept in a run without values does not serve one with values."""
    conv, plain, x = CompiledDepthwise(depthwise(32, 3)), scan_of(3), channels_last(1, 32, 5, 5)
    conv.requires_grad_(False)
    scan = fused_scan(plain, may_overwrite=False)
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert conv(torch.randn(1, 32, 5, 5)).shape == scan(torch.randn(1, 32, 5, 5)).new_empty(1, 32, 5, 5).shape
    assert type(conv(x)) is Tensor
    assert worst_error([scan(x)], [plain(x)]) < SINGLE


def test_weights_are_followed_in_inference_mode() -> None:
    """Also where the backbone was deployed there."""
    model = trained(sparx_dsl.build(small("ss2d")))
    images = images_of(model, 1)
    with torch.inference_mode():
        deployed = deploy(model)
        deployed(images)
        for parameter in deployed.parameters():
            parameter.mul_(1.05)
        assert worst_error([deployed(images)], [copy.deepcopy(deployed)(images)]) < SINGLE
