"""The chunked selective scan gives what a loop over all positions gives, and so do its derivatives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sparx_dsl.ops.linear_recurrence import linear_recurrence
from sparx_dsl.ops.selective_scan import decay_rates
from tests.support.scans import selective_scan


def scan_by_loop(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, bias: Tensor | None, softplus: bool
) -> Tensor:
    """The oracle: the definition, one position and one channel group at a time, in float64."""
    u, delta, rates, into, out = (tensor.double() for tensor in (u, delta, A, B, C))
    share = u.shape[1] // into.shape[1]
    result = torch.zeros_like(u)
    for channel in range(u.shape[1]):
        state = torch.zeros(u.shape[0], rates.shape[1], dtype=torch.float64)
        for position in range(u.shape[2]):
            step = delta[:, channel, position] + (0 if bias is None else bias[channel].double())
            step = torch.log1p(torch.exp(step)) if softplus else step
            value = u[:, channel, position]
            inward, outward = into[:, channel // share, :, position], out[:, channel // share, :, position]
            state = torch.exp(step[:, None] * rates[channel]) * state + (step * value)[:, None] * inward
            result[:, channel, position] = (state * outward).sum(1)
            if D is not None:
                result[:, channel, position] += D[channel].double() * value
    return result


def recurrence_by_loop(decay: Tensor, drive: Tensor) -> Tensor:
    """The oracle of the recurrence alone, over (batch, length, …), all rows at once."""
    state, states = torch.zeros_like(drive[:, 0]), list[Tensor]()
    for position in range(drive.shape[1]):
        state = decay[:, position] * state + drive[:, position]
        states.append(state)
    return torch.stack(states, dim=1)


def arguments(
    batch: int, groups: int, share: int, length: int, state: int, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Random arguments of a scan."""
    channels = groups * share

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64).to(dtype)

    u, delta = normal(batch, channels, length), normal(batch, channels, length)
    D, bias = normal(channels), normal(channels)
    B, C = normal(batch, groups, state, length), normal(batch, groups, state, length)
    return u, delta, decay_rates(normal(channels, state)), B, C, D, bias


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    batch=st.integers(1, 3),
    groups=st.integers(1, 4),
    share=st.integers(1, 3),
    length=st.integers(1, 40),
    state=st.integers(1, 4),
    softplus=st.booleans(),
    skip=st.booleans(),
    biased=st.booleans(),
)
def test_the_scan_is_the_loop(
    seed: int, batch: int, groups: int, share: int, length: int, state: int, softplus: bool, skip: bool, biased: bool
) -> None:
    """For every shape and choice of options, in float64, to rounding."""
    torch.manual_seed(seed)
    u, delta, A, B, C, D, bias = arguments(batch, groups, share, length, state)
    if not softplus:
        delta, bias = delta.abs(), bias.abs()
    given = (u, delta, A, B, C, D if skip else None, bias if biased else None, softplus)
    torch.testing.assert_close(selective_scan(*given), scan_by_loop(*given), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("length", "state"), [(1, 1), (7, 2), (9, 1)])
def test_first_and_second_derivatives_are_exact(length: int, state: int) -> None:
    """Numerical differentiation agrees with the backward, and with the backward of the backward."""
    torch.manual_seed(0)
    inputs = tuple(tensor.requires_grad_() for tensor in arguments(1, 2, 1, length, state))
    assert torch.autograd.gradcheck(selective_scan, inputs)
    assert torch.autograd.gradgradcheck(selective_scan, inputs)


@pytest.mark.parametrize("length", [3136, 3001])
def test_long_sequences_keep_their_precision(length: int) -> None:
    """A long recurrence with slow decays, in float32, stays within 1e-5 of the loop in float64."""
    torch.manual_seed(1)
    decay, drive = 1 - 1e-3 * torch.rand(1, length, 8), torch.randn(1, length, 8)
    expected = recurrence_by_loop(decay.double(), drive.double())
    found = linear_recurrence(decay, drive)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 60.0, 1e4, 1e30])
def test_extreme_decays_neither_overflow_nor_lose_the_gradient(scale: float) -> None:
    """From no decay at all to decays that are zero in float32, values and gradients are finite and the loop's."""
    torch.manual_seed(2)
    u, _, _, B, C, D, _ = arguments(1, 1, 2, 50, 2, torch.float32)
    delta, A = torch.rand(1, 2, 50), torch.full((2, 2), -scale)
    for leaf in (u, delta):
        leaf.requires_grad_()
    found = selective_scan(u, delta, A, B, C, D, None, False)
    found.sum().backward()
    expected = scan_by_loop(u.detach(), delta.detach(), A, B, C, D, None, False)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    assert u.grad is not None
    assert delta.grad is not None
    assert u.grad.isfinite().all()
    assert delta.grad.isfinite().all()


def test_half_precision_goes_in_and_out_but_not_through() -> None:
    """With bfloat16 inputs the result is the float32 result, rounded once."""
    torch.manual_seed(3)
    u, delta, A, B, C, D, bias = arguments(2, 2, 3, 70, 1, torch.bfloat16)
    found = selective_scan(u, delta, A, B, C, D, bias)
    full = selective_scan(u.float(), delta.float(), A, B.float(), C.float(), D.float(), bias.float())
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, full.bfloat16())


def test_autocast_leaves_the_state_in_float32() -> None:
    """Under autocast a float32 scan gives exactly what it gives without."""
    torch.manual_seed(4)
    inputs = arguments(1, 2, 2, 30, 3, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = selective_scan(*inputs)
    assert torch.equal(found, selective_scan(*inputs))


def test_the_scan_is_causal_and_does_not_mix_samples() -> None:
    """Changing one sample's position changes nothing before it and nothing in other samples."""
    torch.manual_seed(5)
    u, *rest = arguments(3, 1, 2, 23, 2)
    changed = u.clone()
    changed[1, :, 11] += 1
    difference = (selective_scan(changed, *rest) - selective_scan(u, *rest)).abs().sum(1)
    assert not difference[[0, 2]].any()
    assert not difference[1, :11].any()
    assert difference[1, 11:].all()


# torch.compile itself makes an instance of the autograd function, and torch warns of that.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_the_scan_compiles_whole_with_its_backward() -> None:
    """torch.compile finds no break in the graph, and the compiled gradients are the eager ones."""
    torch.manual_seed(6)
    u, *rest = arguments(1, 2, 2, 10, 2)
    gradients: list[Tensor] = []
    for scan in (selective_scan, torch.compile(selective_scan, fullgraph=True, backend="aot_eager")):
        leaf = u.clone().requires_grad_()
        scan(leaf, *rest).square().sum().backward()
        assert leaf.grad is not None
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


class ScanModule(torch.nn.Module):
    """The scan as a module, for torch.export."""

    def forward(self, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        """Scan."""
        return selective_scan(u, delta, A, B, C)


def test_the_scan_exports_with_any_batch() -> None:
    """torch.export keeps the batch dynamic; the exported program runs at another one."""
    torch.manual_seed(7)
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    inputs = arguments(2, 2, 2, 10, 2)[:5]
    program = torch.export.export(ScanModule(), inputs, dynamic_shapes=(batch, batch, None, batch, batch))
    other = arguments(3, 2, 2, 10, 2)[:5]
    torch.testing.assert_close(program.module()(*other), selective_scan(*other))
