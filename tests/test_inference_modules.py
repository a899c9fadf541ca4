"""The modules that deployed backbones have in the place of those for training, each by itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.nn.utils import parametrize, prune

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.deployment import Place
from sparx_dsl.inference.fused_convolution import (
    CompiledDepthwise,
    fused_convolution,
    gelu_of,
    is_compilable,
    silu_of,
)
from sparx_dsl.inference.fused_norm import CompiledNorm, is_whole_map_norm, norm_in_place
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.kinds.mixers.ss2d.inference import FusedScan2D
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.mixers.window_attention.inference import GatheredAttention
from sparx_dsl.kinds.mixers.window_attention.module import WindowedAttention
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import convolution, depthwise, pointwise
from sparx_dsl.nn.layer import Fusing, GanglionMixing
from sparx_dsl.ops.cpu import library
from sparx_dsl.registry import default_registry
from tests.support.backbones import small
from tests.support.deployed import DOUBLE, SINGLE, images_of, results, trained, worst_error
from tests.support.strategies import examples

needs_library = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))


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
    made = GatheredAttention(copy.deepcopy(plain), Place(planned, may_overwrite=False))
    found, expected = results(made, projected), results(plain, projected)
    assert worst_error(found, expected) < DOUBLE


@settings(max_examples=examples(0.3), deadline=None)
@given(
    kernel=st.sampled_from([1, 2, 3, 5]),
    stride=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 8]),
    bias=st.booleans(),
    last=st.booleans(),
)
def test_inference_convolutions_are_convolutions(
    kernel: int, stride: int, groups: int, bias: bool, last: bool
) -> None:
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
    assert worst_error([silu_of(made, x)], [nn.functional.silu(conv(x))]) < SINGLE


def channels_last(*shape: int) -> Tensor:
    """A random map with its channels innermost."""
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


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
    for fused, activation in ((gelu_of, functional.gelu), (silu_of, functional.silu)):
        given_map = x.clone(memory_format=torch.preserve_format)
        found = fused(made, given_map, may_overwrite=may_overwrite)
        assert worst_error([found], [activation(conv(x))]) < SINGLE
        assert may_overwrite or torch.equal(given_map, kept)
    assert torch.equal(x, kept)


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


def scan_of(kernel: int, norm: NormName = "group") -> SelectiveScan2D:
    """SS2D of 32 channels."""
    torch.manual_seed(0)
    made = SelectiveScan2D(SS2D(state=2, rank=3, conv=kernel), Site(16, 16, norm))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made.eval().requires_grad_(False)


def fused_scan(scan: SelectiveScan2D, *, may_overwrite: bool) -> FusedScan2D:
    """A copy of a scan for inference, at a place where it may or may not overwrite what it is given."""
    return FusedScan2D(copy.deepcopy(scan), Place((1, 1), may_overwrite=may_overwrite))


@pytest.mark.parametrize("kernel", [0, 3, 4])
@pytest.mark.parametrize("may_overwrite", [True, False])
@pytest.mark.parametrize("norm", ["group", "layer", "batch"])
@pytest.mark.parametrize("last", [True, False])
def test_the_fused_scan_is_the_scan(kernel: int, may_overwrite: bool, norm: NormName, last: bool) -> None:
    """Whatever stands before and behind it; a map that it may not overwrite stays as it is."""
    plain = scan_of(kernel, norm)
    made = fused_scan(plain, may_overwrite=may_overwrite)
    projected = torch.randn(3, 32, 6, 5)
    projected = projected.contiguous(memory_format=torch.channels_last) if last else projected
    kept = projected.clone()
    expected = plain(projected)
    assert worst_error([made(projected)], [expected]) < SINGLE
    if not may_overwrite:
        assert torch.equal(projected, kept)
        assert worst_error([made(projected)], [expected]) < SINGLE


@needs_library
def test_a_forced_backend_serves_the_fused_scan_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It then runs as the plain one does."""
    made = fused_scan(scan_of(3), may_overwrite=True)
    x = channels_last(1, 32, 4, 4)
    assert made.fusable(x)
    monkeypatch.setenv("SPARX_SCAN_BACKEND", "reference")
    assert not made.fusable(x)


@pytest.mark.parametrize("fusion", default_registry().names("fusion"))
def test_scans_may_overwrite_what_projections_and_fusions_give(fusion: str) -> None:
    """All fusions of this package end in a product, whose result is their own; results are those of the plain one."""
    spec = small("ss2d", layer={"mixer": {"kind": "ss2d"}, "fusion": {"kind": fusion}})
    spec["stages"] = [{"channels": 32, "depth": 4, "S": 2}]
    model = trained(sparx_dsl.build(spec, features=(1,)))
    deployed, images = deploy(model), images_of(model, 2)
    scans = modules_of(deployed, FusedScan2D)
    assert len(scans) > len(modules_of(deployed, GanglionMixing)) > 0
    assert all(scan.place.may_overwrite for _, scan in scans)
    for _ in range(2):
        assert worst_error(results(deployed, images), results(model, images)) < SINGLE


class Handed(nn.Module):
    """A fusion of another maker that hands out the features that it was given."""

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to the first C of the features."""
        return features[:, : x.shape[1]]


class Kept(Concatenation):
    """Derived of a known fusion, and yet handing out its input."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to the first C of the features."""
        return features[:, : x.shape[1]]


@pytest.mark.parametrize("fusion", [Handed, Kept])
def test_features_that_a_fusion_hands_out_are_not_written_over(fusion: type[nn.Module]) -> None:
    """The one feature of these layers is their own input, which is also their residual."""
    spec = small("ss2d", layer={"mixer": {"kind": "ss2d", "expand": 1}, "layer_scale": 1.0})
    model = trained(sparx_dsl.build(spec | {"stages": [{"channels": 16, "depth": 3, "S": 1, "M": 1}]}, features=(1,)))
    for _, fusing in modules_of(model, Fusing):
        fusing.fusion = fusion()
    deployed, images = deploy(model), images_of(model, 2)
    assert not any(scan.place.may_overwrite for _, scan in modules_of(deployed, FusedScan2D))
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE


@pytest.mark.parametrize("name", ["conv.weight", "conv.bias", "A_logs", "dt_weight", "dt_bias", "D", "x_proj_weight"])
def test_gradients_of_single_parameters_are_those_of_the_plain_scan(name: str) -> None:
    """A parameter that someone wants to learn after all is not passed over in silence."""
    plain = scan_of(3)
    made = fused_scan(plain, may_overwrite=True)
    x = channels_last(2, 32, 5, 5)
    gradients: list[Tensor] = []
    for scan in (plain, made):
        parameter = scan.get_parameter(name).requires_grad_(True)
        scan(x.clone(memory_format=torch.preserve_format)).square().sum().backward()
        assert parameter.grad is not None
        gradients.append(parameter.grad)
    assert worst_error([gradients[1]], [gradients[0]]) < SINGLE


@needs_library
def test_autograd_is_told_of_what_is_overwritten() -> None:
    """What was to be derived from a map's former values is refused, not wrong."""
    scan, conv = fused_scan(scan_of(0), may_overwrite=True), CompiledDepthwise(depthwise(32, 3))

    def overwrite(x: Tensor) -> Tensor:
        return gelu_of(conv, x, may_overwrite=True)

    for write in (scan, overwrite):
        x, factor = channels_last(1, 32, 5, 5), torch.ones(1, requires_grad=True)
        loss = (factor * x).sum()
        with torch.no_grad():
            write(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_a_scan_keeps_its_hooks() -> None:
    """They come along with the parameters."""
    model, seen = trained(sparx_dsl.build(small("ss2d"))), list[int]()

    def note(*given: object) -> None:
        seen.append(len(given))

    for _, scan in modules_of(model, SelectiveScan2D):
        scan.register_forward_hook(note)
    deploy(model)(images_of(model, 1))
    assert seen


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
