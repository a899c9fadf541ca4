"""The backend ``mamba_ssm``: what it asks of the package's kernel, and what it makes of what that gives.

The package's kernel needs a CUDA device and nvcc. Where it is missing, a stand-in with the checks that the package
documents for it computes the formula that the package publishes, written anew here; where the package is there, that
formula is held against the package's own.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from sparx_dsl.ops import mamba_ssm, reference
from sparx_dsl.ops.arguments import ScanInputs
from tests.support.scan_definitions import assert_near, scan_arguments, scan_by_definition, softplus

HAS_KERNEL = mamba_ssm.problem("cuda") is None and torch.cuda.is_available()


def published(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, positive: bool
) -> Tensor:
    """The formula of ``selective_scan_ref``: discretise all steps first, then run, read out, and skip.

    u and delta (batch, channels, length), A (channels, N), B and C (batch, groups, N, length).
    """
    times = delta if bias is None else delta + bias.unsqueeze(-1)
    times = softplus(times) if positive else times
    share = u.shape[1] // B.shape[1]
    own_B, own_C = (each.repeat_interleave(share, 1) for each in (B, C))
    kept = (times.unsqueeze(2) * A[None, :, :, None]).exp()
    added = (times * u).unsqueeze(2) * own_B
    state, read = torch.zeros_like(kept[..., 0]), list[Tensor]()
    for step in range(u.shape[2]):
        state = kept[..., step] * state + added[..., step]
        read.append((state * own_C[..., step]).sum(2))
    y = torch.stack(read, 2)
    return y if D is None else y + u * D.unsqueeze(-1)


def in_double(inputs: ScanInputs) -> ScanInputs:
    """The same numbers in float64."""
    u, delta, A, B, C, D, bias, positive = inputs
    skip, shift = (None if each is None else each.double() for each in (D, bias))
    return ScanInputs(u.double(), delta.double(), A.double(), B.double(), C.double(), skip, shift, positive)


class StandIn(ModuleType):
    """``selective_scan_cuda`` as the package calls it, on the CPU, with what its kernel demands of arguments."""

    def fwd(self, *given: Any) -> list[Tensor]:
        """The result in u's dtype, and states that the backward wants to be given again."""
        inputs = self.checked(*given)
        return [published(*self.widened(inputs)).to(inputs.u.dtype), torch.full((1,), 7.0)]

    def bwd(self, *given: Any) -> list[Tensor | None]:
        """Gradients of u, delta, A, B, C, D and the bias: the first two in u's dtype, others in float32."""
        inputs = self.checked(*given[:8], given[12])
        gradient, states, out, dz = given[8:12]
        assert gradient.dtype == inputs.u.dtype
        assert gradient.stride(-1) == 1
        assert torch.equal(states, torch.full((1,), 7.0))
        assert out is None
        assert dz is None
        assert given[13] is False
        wide = self.widened(inputs)
        leaves = [each.requires_grad_() for each in wide if isinstance(each, Tensor)]
        found = iter(torch.autograd.grad(published(*wide), leaves, gradient.float()))
        gradients = [next(found) if isinstance(each, Tensor) else None for each in wide[:7]]
        return [each.to(inputs.u.dtype) for each in gradients[:2] if each is not None] + gradients[2:]

    def checked(self, *given: Any) -> ScanInputs:
        """The arguments, as the C++ of the package checks them."""
        u, delta, A, B, C, D, z, bias, positive = given
        assert z is None
        assert {each.dtype for each in (u, delta, B, C)} == {u.dtype}
        assert u.dtype in (torch.float32, torch.bfloat16, torch.float16)
        assert all(each.dtype == torch.float32 for each in (A, D, bias) if each is not None)
        assert all(each.stride(-1) == 1 or each.shape[-1] == 1 for each in (u, delta, B, C))
        return ScanInputs(u, delta, A, B, C, D, bias, positive)

    def widened(self, inputs: ScanInputs) -> tuple[Any, ...]:
        """In float32, in which the kernel computes."""
        return tuple(each.detach().float() if isinstance(each, Tensor) else each for each in inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("rows", [True, False])
def test_the_kernel_gets_what_it_takes(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, rows: bool) -> None:
    """Channels-last activations, with and without a skip and a bias; results and gradients are those of the scan."""
    monkeypatch.setitem(sys.modules, "selective_scan_cuda", StandIn("selective_scan_cuda"))
    *activations, D, bias = scan_arguments(0, 2, 2, 3, 7, 2)
    u, delta, A, B, C = (each.to(dtype) if place != 2 else each.float() for place, each in enumerate(activations))
    u = u.transpose(1, 2).contiguous().transpose(1, 2)
    inputs = ScanInputs(u, delta, A, B, C, D.float() if rows else None, bias.float() if rows else None)
    exact = in_double(inputs)
    found, gradient = mamba_ssm.scan(inputs), torch.randn(u.shape).to(dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    assert found.dtype == dtype
    assert found.transpose(1, 2).is_contiguous()
    assert_near([found], [reference.scan(exact)], tolerance)
    gradients = mamba_ssm.scan_backward(gradient, inputs)
    expected = reference.scan_backward(gradient.double(), exact)
    given = [each for each in inputs[:7] if isinstance(each, Tensor)]
    there = [each for each in gradients if each is not None]
    assert [each is None for each in gradients] == [each is None for each in inputs[:7]]
    assert [(each.dtype, each.shape) for each in there] == [(each.dtype, each.shape) for each in given]
    assert_near(there, [each for each in expected if each is not None], tolerance)


def test_more_states_than_the_kernel_has_are_refused() -> None:
    """Before it is called."""
    u, A, B = torch.ones(1, 2, 3), torch.ones(2, 257), torch.ones(1, 1, 257, 3)
    with pytest.raises(ValueError, match="at most 256 states, got 257"):
        mamba_ssm.scan(ScanInputs(u, u, A, B, B))


def test_the_published_formula_is_the_definition() -> None:
    """Both are oracles here, written apart from each other."""
    arguments = scan_arguments(3, 2, 2, 2, 6, 3)
    u, delta, A, B, C, D, bias = arguments
    assert_near([published(u, delta, A, B, C, D, bias, True)], [scan_by_definition(*arguments)], 1e-12)


def test_the_packages_formula_is_the_definition() -> None:
    """Where the package is installed."""
    pytest.importorskip("mamba_ssm.ops.selective_scan_interface", reason="mamba-ssm is not installed (extra: mamba)")
    from mamba_ssm.ops import selective_scan_interface  # pyright: ignore

    u, delta, A, B, C, D, bias = (each.float() for each in scan_arguments(3, 2, 2, 2, 6, 3))
    found: Tensor = selective_scan_interface.selective_scan_ref(  # pyright: ignore
        u, delta, A, B, C, D, None, bias, True
    )
    assert_near([found], [published(*in_double(ScanInputs(u, delta, A, B, C, D, bias)))], 1e-5)


@pytest.mark.skipif(not HAS_KERNEL, reason="mamba-ssm's kernel needs a CUDA device and a build of its own")
def test_the_packages_kernel_is_the_definition() -> None:
    """On a GPU, through this project's backend, in both directions."""
    u, delta, A, B, C, D, bias = (each.float().cuda() for each in scan_arguments(3, 2, 2, 8, 60, 3))
    inputs = ScanInputs(u, delta, A, B, C, D, bias)
    exact = in_double(inputs)
    gradient = torch.randn_like(inputs.u)
    assert_near([mamba_ssm.scan(inputs)], [reference.scan(exact)], 1e-4)
    found, expected = mamba_ssm.scan_backward(gradient, inputs), reference.scan_backward(gradient.double(), exact)
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    assert_near([a for a, _ in pairs], [b for _, b in pairs], 1e-4)
