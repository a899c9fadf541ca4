"""Norms and depthwise convolutions for training: never through kernels on the CPU; what their operators save.

What is called on a CUDA device, and what the operators compute, is in ``test_map_kernels``.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import sparx_dsl
from sparx_dsl.nn import convolution, norm
from sparx_dsl.nn.convolution import convolve, depthwise
from sparx_dsl.nn.cuda_maps import has_hooks
from sparx_dsl.nn.layer import Dpe
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops import map_operators
from sparx_dsl.ops.map_arguments import is_channels_last
from sparx_dsl.ops.triton_kernels import availability
from tests.support.backbones import small
from tests.support.deployed import SINGLE, images_of, trained
from tests.support.triton_kernels import numbers

OPERATORS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "group_norm": (map_operators.group_norm, (1e-5,)),
    "layer_norm": (map_operators.layer_norm, (1e-5,)),
    "depthwise": (map_operators.depthwise, (1, True, "gelu")),
    "interleaved_depthwise": (map_operators.interleaved_depthwise, ("silu",)),
}


def tensors_of(name: str, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Arguments of an operator, leaves that take gradients."""
    maps = 3 if name == "interleaved_depthwise" else 1
    x = [numbers(each)(2, 4, 5, 6).to(dtype).to(memory_format=torch.channels_last) for each in range(maps)]
    weight = numbers(7)(4) if "norm" in name else numbers(7)(4 * maps, 1, 3, 3)
    return [each.requires_grad_() for each in (*x, weight, numbers(8)(4 * maps))]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", ["none", "gelu", "silu"])
def test_on_the_cpu_all_is_as_pytorch_has_it(residual: bool, activation: str) -> None:
    """Bit for bit, and no operator of ours is part of it."""
    conv, x = depthwise(4, 3), numbers(0)(2, 4, 5, 6).to(memory_format=torch.channels_last)
    y = conv(x) + x if residual else conv(x)
    y = {"none": torch.clone, "gelu": functional.gelu, "silu": functional.silu}[activation](y)
    found = convolve(conv, x, residual=residual, activation=activation)
    assert torch.equal(found, y)
    own, plain = make_norm("group", 4), nn.GroupNorm(1, 4)
    assert torch.equal(own(x), plain(x))
    graph = [found.grad_fn, own(x).grad_fn, make_norm("layer", 4)(x).grad_fn]
    assert not any("sparx_dsl" in type(each).__name__ for each in graph)


def test_hooks_are_seen_wherever_they_are() -> None:
    """On the module, for its gradients, or on all modules at once."""

    def hook(*given: object) -> None:
        """Watch, and change nothing."""

    conv = Dpe(4).conv
    assert not has_hooks(conv)
    for register in (
        conv.register_forward_hook, conv.register_forward_pre_hook, conv.register_full_backward_hook,
        nn.modules.module.register_module_forward_hook,
    ):  # fmt: skip
        handle = register(hook)
        assert has_hooks(conv)
        handle.remove()
        assert not has_hooks(conv)


def test_training_through_the_operators_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole backbone's result and gradients, as if its maps were on a device that has kernels."""
    torch.manual_seed(0)
    stages = [{"channels": 12, "depth": 2, "S": 1, "layer": {"norm": each}} for each in ("group", "layer")]
    layer = {"mixer": {"kind": "ss2d"}, "fusion": {"kind": "dmca", "groups": 1}, "ffn": {"kind": "conv"}}
    model = trained(sparx_dsl.build(small("ss2d", stages=stages, layer=layer))).train()
    images = images_of(model, 2).to(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    served: list[torch.Size] = []

    def serve(x: Tensor) -> bool:
        if is_channels_last(x):
            served.append(x.shape)
        return is_channels_last(x)

    def gradients() -> list[Tensor]:
        result = model(images)
        return [result.detach(), *torch.autograd.grad(result.square().sum(), parameters)]

    expected = gradients()
    for module in (convolution, norm):
        monkeypatch.setattr(module, "kernels_serve", serve)
    found = gradients()
    assert len(served) > 20
    largest = max(each.abs().max() for each in expected)
    assert max((a - b).abs().max() for a, b in zip(found, expected, strict=True)) < SINGLE * largest


@pytest.mark.parametrize("name", OPERATORS)
def test_opcheck_passes(name: str) -> None:
    """Schemas, fake kernels, and derivatives under AOT with symbolic shapes are what PyTorch demands."""
    operator, options = OPERATORS[name]
    torch.library.opcheck(operator, (*tensors_of(name), *options))


def test_opcheck_passes_for_gradients() -> None:
    """Schemas, fake kernels, and AOT with symbolic shapes; these operators have no derivatives themselves."""
    x, weight, bias = (each.detach() for each in tensors_of("group_norm"))
    gradient, taps = numbers(9)(2, 4, 5, 6), tensors_of("depthwise")[1].detach()
    statistics = map_operators.group_norm(x, weight, bias, 1e-5)[1]
    torch.library.opcheck(map_operators.group_norm_backward, (gradient, x, weight, statistics))
    torch.library.opcheck(map_operators.layer_norm_backward, (gradient, x, weight, 1e-5))
    torch.library.opcheck(map_operators.depthwise_backward, (gradient, x, taps, bias, 1, True, "gelu"))
    torch.library.opcheck(map_operators.depthwise_backward, (gradient[:, :, :3, :3], x, taps, None, 2, False, "none"))


@pytest.mark.parametrize("name", OPERATORS)
def test_maps_are_saved_once(name: str) -> None:
    """For the backward pass nothing but the inputs is saved, and GroupNorm's two values for each image."""
    operator, options = OPERATORS[name]
    tensors = tensors_of(name, torch.bfloat16 if "norm" in name else torch.float32)
    given, others = {each.data_ptr() for each in tensors}, list[Tensor]()

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in given:
            others.append(tensor)
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        operator(*tensors, *options)
    assert [tuple(each.shape) for each in others] == ([(2, 2)] if name == "group_norm" else [])


@pytest.mark.parametrize(("activation", "times"), [("none", 3), ("gelu", 4)])
def test_flops_are_those_of_a_convolution(activation: str, times: int) -> None:
    """As PyTorch counts its own, in both directions; what an activation was applied to is computed twice."""
    x, weight, bias = tensors_of("depthwise")
    with FlopCounterMode(display=False) as plain:
        functional.conv2d(x, weight, bias, padding=1, groups=4)
    with FlopCounterMode(display=False) as counted:
        map_operators.depthwise(x, weight, bias, 1, False, activation).sum().backward()
    assert counted.get_total_flops() == times * plain.get_total_flops()


def test_compilers_look_into_the_choice() -> None:
    """Whether there are kernels is part of what is compiled, without a break or a warning."""

    def choose(x: Tensor) -> Tensor:
        return x + 1 if availability.problem("cuda") is None else x - 1

    compiled = torch.compile(choose, fullgraph=True, backend="eager")
    assert torch.equal(compiled(torch.ones(2)), choose(torch.ones(2)))
