"""SS2D for inference: the results and gradients of the plain one, and nothing written over that others read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.fused_convolution import CompiledDepthwise, gelu_of
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.kinds.mixers.ss2d.inference import FusedScan2D
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.language.base import NormName
from sparx_dsl.nn.convolution import depthwise
from sparx_dsl.nn.layer import Fusing, GanglionMixing
from sparx_dsl.ops.cpu import library
from sparx_dsl.registry import default_registry
from tests.support.backbones import small
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.fused_scans import channels_last, fused_scan, scan_of

needs_library = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))


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
