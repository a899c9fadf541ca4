"""The scans and whole models under ``torch.func``: gradients, mapped gradients, ensembles."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vjp, vmap

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.ops.selective_scan import selective_scan, ss2d_scan
from tests.support.backbones import MIXERS, SCAN_MIXERS, mixed, small
from tests.support.compiled import images_for
from tests.support.scan_definitions import scan_arguments
from tests.support.scans import ss2d_arguments


def arguments(name: str, dtype: torch.dtype, seed: int = 0) -> list[Tensor]:
    """Small arguments of a scan."""
    if name == "selective_scan":
        drawn = scan_arguments(seed, batch=2, groups=1, share=3, length=5, states=2)
    else:
        drawn = ss2d_arguments(seed, batch=2, inner=4, height=3, width=2, rank=2, states=1)
    return [each.to(dtype) for each in drawn]


SCANS: dict[str, Any] = {"selective_scan": selective_scan, "ss2d_scan": ss2d_scan}
DTYPES = [torch.float32, torch.float64]
"""The compiled kernels serve one of them, plain PyTorch the other."""


def by_autograd(loss: Any, given: list[Tensor]) -> list[Tensor]:
    """The gradients as autograd computes them without transforms."""
    inner = [value.detach().clone().requires_grad_() for value in given]
    return list(torch.autograd.grad(loss(*inner), inner))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SCANS)
def test_grad_is_autograd_s(name: str, dtype: torch.dtype) -> None:
    """For every argument, and with those that may be left out left out."""
    scan, given = SCANS[name], arguments(name, dtype)
    for count in (len(given), 5) if name == "selective_scan" else (len(given),):

        def loss(*values: Tensor) -> Tensor:
            return scan(*values).square().sum()

        expected = by_autograd(loss, given[:count])
        found = grad(loss, argnums=tuple(range(count)))(*given[:count])
        torch.testing.assert_close(list(found), expected)
        pull: Any = vjp(loss, *given[:count])[1]
        torch.testing.assert_close(list(pull(torch.ones((), dtype=dtype))), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SCANS)
def test_gradients_of_samples(name: str, dtype: torch.dtype) -> None:
    """``vmap(grad)`` is one gradient after the other, whatever is mapped; and ``grad(vmap)`` is that of the sum."""
    scan, samples = SCANS[name], [arguments(name, dtype, seed) for seed in range(3)]
    shared = samples[0][2:]

    def loss(first: Tensor, second: Tensor) -> Tensor:
        return scan(first, second, *shared).square().sum()

    stacked = [torch.stack([sample[place] for sample in samples]) for place in range(2)]
    expected = [by_autograd(loss, sample[:2]) for sample in samples]
    each = vmap(grad(loss, argnums=(0, 1)))(*stacked)
    for place in range(2):
        torch.testing.assert_close(list(each[place]), [sample[place] for sample in expected])

    def whole(*given: Tensor) -> Tensor:
        return vmap(loss)(*given).sum()

    for found, wanted in zip(grad(whole, argnums=(0, 1))(*stacked), each, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", SCANS)
def test_second_gradients(name: str) -> None:
    """``grad`` of ``grad``, and mapped, as autograd has them."""
    scan, given = SCANS[name], arguments(name, torch.float64)

    def loss(*values: Tensor) -> Tensor:
        return scan(*values).square().sum()

    def norm(*values: Tensor) -> Tensor:
        found = cast("tuple[Tensor, ...]", grad(loss, argnums=(0, 1, 2))(*values))
        return torch.stack([each.square().sum() for each in found]).sum()

    inner = [value.clone().requires_grad_() for value in given]
    first = torch.autograd.grad(loss(*inner), inner[:3], create_graph=True)
    total = torch.stack([each.square().sum() for each in first]).sum()
    expected = torch.autograd.grad(total, inner)
    found = grad(norm, argnums=tuple(range(len(given))))(*given)
    torch.testing.assert_close(list(found), list(expected))
    mapped = vmap(grad(norm))(*(torch.stack([value, value]) for value in given))
    torch.testing.assert_close(mapped, torch.stack([expected[0], expected[0]]))


@pytest.mark.parametrize("name", SCANS)
def test_a_mapping_of_nothing_is_refused(name: str) -> None:
    """A mapped dimension of size 0."""
    scan, (first, *others) = SCANS[name], arguments(name, torch.float32)

    def loss(x: Tensor) -> Tensor:
        return scan(x, *others).sum()

    with pytest.raises(ValueError, match="at least one sample"):
        vmap(grad(loss))(first[None][:0])


@pytest.mark.parametrize("name", SCANS)
def test_autocast_within_a_transform(name: str) -> None:
    """Activations of two dtypes are widened, as without transforms."""
    scan, (first, *others) = SCANS[name], arguments(name, torch.float32)
    low = first.bfloat16()

    def loss(x: Tensor) -> Tensor:
        return scan(x, *others).float().square().sum()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        (expected,) = by_autograd(loss, [low])
        torch.testing.assert_close(grad(loss)(low), expected)


def losses(model: Backbone, images: Tensor) -> Any:
    """A function of a model's parameters: its loss on these images."""

    def loss(parameters: dict[str, Tensor], one: Tensor = images) -> Tensor:
        return functional_call(model, (parameters, dict(model.named_buffers())), (one,)).square().mean()

    return loss


@pytest.mark.parametrize("mixer", [*MIXERS, *SCAN_MIXERS])
def test_gradients_of_models(mixer: str) -> None:
    """``grad`` of a model's parameters is what ``backward`` gives; ``vmap(grad)`` gives those of every image."""
    model = sparx_dsl.build(small(mixer)).eval()
    images = images_for(model.spec, 2)
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    loss = losses(model, images)
    found = cast("dict[str, Tensor]", grad(loss)(parameters))
    model(images).square().mean().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, msg=name)
    each = cast("dict[str, Tensor]", vmap(grad(loss), in_dims=(None, 0))(parameters, images[:, None]))
    for name, value in found.items():
        torch.testing.assert_close(each[name].mean(0), value, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("spec", [small("ss2d"), mixed()])
def test_ensembles_and_their_gradients(spec: dict[str, object]) -> None:
    """Stacked models give what each gives, and each its own gradients."""
    models = [sparx_dsl.build(spec).eval() for _ in range(2)]
    images = images_for(models[0].spec, 2)
    parameters, buffers = stack_module_state(cast("Any", models))

    def loss(state: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        return functional_call(models[0], (state, kept), (images,)).square().mean()

    with torch.no_grad():  # torch cannot map attention whose bias takes a gradient outside of the mapping
        values = vmap(loss)(parameters, buffers)
    found = cast("dict[str, Tensor]", vmap(grad(loss))(parameters, buffers))
    for place, model in enumerate(models):
        alone = model(images).square().mean()
        alone.backward()
        torch.testing.assert_close(values[place], alone)
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(found[name][place], parameter.grad, atol=1e-5, rtol=1e-4, msg=name)
