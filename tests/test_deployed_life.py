"""Deployed backbones live with the rest of PyTorch: copies, tracing, dtypes, gradients, compilers, autocast."""

from __future__ import annotations

import copy
import pickle
from typing import cast

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.fused_convolution import fused_convolution, gelu_of
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.convolution import convolution
from tests.support.backbones import mixed
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error

# torch.func.jvp scripts its decompositions, and older exporters trace: torch warns, by a category of its version.
torch_deprecates = pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning"
)
torch_warns = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


def test_copies_are_alike() -> None:
    """A deep copy and a pickle give the same bits, and stay deployed."""
    model = trained(sparx_dsl.build(mixed(), features=(1, 3)))
    deployed, images = deploy(model), images_of(model, 2)
    for twin in (copy.deepcopy(deployed), pickle.loads(pickle.dumps(deployed))):  # noqa: S301
        assert worst_error(results(twin, images), results(deployed, images)) == 0
        assert list(twin.state_dict()) == list(deployed.state_dict())
        with pytest.raises(SparxError):
            twin.train()


@torch_deprecates
def test_forward_mode_is_that_of_the_plain_operators() -> None:
    """A fused convolution would lose the tangent; the plain operators do not."""
    torch.manual_seed(0)
    plain = convolution(3, 8, 3, padding=1)
    nn.init.normal_(plain.weight)
    made, x = fused_convolution(copy.deepcopy(plain)).requires_grad_(False), torch.randn(2, 3, 5, 5)

    def fused_gelu(x: Tensor) -> Tensor:
        return gelu_of(made, x)

    def oracle_of_gelu(x: Tensor) -> Tensor:
        return nn.functional.gelu(plain(x))

    for run, oracle in ((made, plain), (fused_gelu, oracle_of_gelu)):
        found, expected = (torch.func.jvp(each, (x,), (x,))[1] for each in (run, oracle))
        assert worst_error([found], [expected.detach()]) < SINGLE
        assert worst_error([torch.func.vmap(run)(x[:, None])], [run(x)[:, None]]) < SINGLE


@torch_deprecates
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_it_can_be_traced() -> None:
    """``torch.jit.trace`` records the plain operators."""
    model = trained(sparx_dsl.build(mixed()))
    with torch.no_grad():
        traced = cast("Backbone", torch.jit.trace(deploy(model), (images_of(model, 2),)))
    images = images_of(model, 2).flip(0)
    assert worst_error(results(traced, images), results(model, images)) < SINGLE


def test_other_dtypes() -> None:
    """Moved to float64 it agrees to double precision; in bfloat16 to what that can hold."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 2)
    exact = results(copy.deepcopy(model).double(), images.double())
    assert worst_error(results(deploy(model).double(), images.double()), exact) < SINGLE
    coarse = [each.double() for each in results(deploy(model.bfloat16()), images.bfloat16())]
    assert worst_error(coarse, exact) < 0.1


def test_gradients_of_images_are_those_of_the_plain_backbone() -> None:
    """Saliency of a deployed backbone is that of the plain one: no fused primitive cuts the gradient."""
    model = trained(sparx_dsl.build(mixed()))
    gradients: list[Tensor] = []
    for each in (model, deploy(model)):
        images = images_of(model, 2).requires_grad_()
        gradients += torch.autograd.grad(each(images).square().sum(), images)
    assert worst_error([gradients[1]], [gradients[0]]) < 1e-4


@torch_warns
def test_compilers_take_it_whole() -> None:
    """``torch.compile`` makes one graph of it, with the same results, for several batches."""
    model = trained(sparx_dsl.build(mixed()))
    deployed = deploy(model)
    compiled = torch.compile(deployed, backend="aot_eager", fullgraph=True)
    for batch in (2, 3):
        images = images_of(model, batch)
        assert worst_error(results(compiled, images), results(model, images)) < SINGLE


def test_autocast_is_followed() -> None:
    """Under autocast a deployed backbone computes in bfloat16, as the plain one does."""
    model = trained(sparx_dsl.build(mixed()))
    images = images_of(model, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,) = results(deploy(model), images)
    assert found.dtype == torch.bfloat16
    assert worst_error([found.float()], results(model, images)) < 0.1


def test_training_is_refused() -> None:
    """A deployed backbone says why it has no training mode; ``eval`` is fine."""
    deployed = deploy(sparx_dsl.build(mixed()))
    with pytest.raises(SparxError) as caught:
        deployed.train()
    assert [each.code for each in caught.value.diagnostics] == ["SPX323"]
    assert deployed.eval() is deployed
    assert not any(module.training for module in deployed.modules())


@pytest.mark.parametrize("size", [(32, 32), (21, 45)])
def test_no_images_give_no_results(size: tuple[int, int]) -> None:
    """An empty batch gives results of no images, of the shapes that they would have."""
    model = trained(sparx_dsl.build(mixed(), features=(1, 2, 3)))
    images = images_of(model, 2, size)
    shapes = [(0, *each.shape[1:]) for each in results(model, images)]
    for each in (model, deploy(model)):
        assert [tuple(result.shape) for result in results(each, images[:0])] == shapes
