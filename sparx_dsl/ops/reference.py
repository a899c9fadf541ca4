"""The backend ``reference``: the definition of the selective scan, position after position.

Slow, and the oracle of the other backends (Gu and Dao 2024, equation 2 discretised as in their algorithm 2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
) -> Tensor:
    """The selective scan; arguments and result as ``torch.ops.sparx_dsl.selective_scan`` has them."""
    inputs, steps, rates, into, out = _prepared(u, delta, A, B, C, delta_bias, softplus)
    state = inputs.new_zeros(*inputs.shape[:2], A.shape[1])
    results: list[Tensor] = []
    for t in range(u.shape[2]):
        state = _step(state, steps[:, :, t, None], rates, inputs[:, :, t, None], into[..., t])
        results.append((state * out[..., t]).sum(2))
    y = torch.stack(results, dim=1) if results else inputs.transpose(1, 2)
    if D is not None:
        y = y + D.to(y.dtype) * inputs.transpose(1, 2)
    return y.to(u.dtype).contiguous().transpose(1, 2)


def scan_backward(
    gradient: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    """The derivatives of the scan's seven tensors, in their dtypes: the chain rule, position before position."""
    inputs, steps, rates, into, out = _prepared(u, delta, A, B, C, delta_bias, softplus)
    g = gradient.to(inputs.dtype)
    states = [inputs.new_zeros(*inputs.shape[:2], A.shape[1])]
    for t in range(u.shape[2]):
        states.append(_step(states[-1], steps[:, :, t, None], rates, inputs[:, :, t, None], into[..., t]))
    d_inputs, d_steps = torch.zeros_like(inputs), torch.zeros_like(steps)
    d_into, d_out, d_rates = torch.zeros_like(into), torch.zeros_like(out), torch.zeros_like(rates)
    carry = torch.zeros_like(states[0])
    for t in reversed(range(u.shape[2])):
        step, value = steps[:, :, t, None], inputs[:, :, t, None]
        d_state = carry + g[:, :, t, None] * out[..., t]
        decay = torch.exp(step * rates)
        d_out[..., t] = g[:, :, t, None] * states[t + 1]
        d_into[..., t] = d_state * step * value
        d_rates += (d_state * decay * states[t] * step).sum(0)
        d_steps[:, :, t] = (d_state * (decay * states[t] * rates + value * into[..., t])).sum(2)
        d_inputs[:, :, t] = (d_state * step * into[..., t]).sum(2)
        carry = d_state * decay
    if softplus:
        d_steps = d_steps * -torch.expm1(-steps)
    if D is not None:
        d_inputs = d_inputs + g * D.to(g.dtype)[:, None]
    groups = B.shape[1]
    return (
        _line(d_inputs, u.dtype),
        _line(d_steps, delta.dtype),
        d_rates.to(A.dtype),
        torch.unflatten(d_into, 1, (groups, u.shape[1] // groups)).sum(2).to(B.dtype),
        torch.unflatten(d_out, 1, (groups, u.shape[1] // groups)).sum(2).to(C.dtype),
        None if D is None else (g * inputs).sum((0, 2)).to(D.dtype),
        None if delta_bias is None else d_steps.sum((0, 2)).to(delta_bias.dtype),
    )


def _prepared(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, delta_bias: Tensor | None, softplus: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """u and Δ (batch, channels, length), A, and B and C for each channel (batch, channels, states, length)."""
    precision = torch.float64 if u.dtype == torch.float64 else torch.float32
    steps = delta.to(precision)
    if delta_bias is not None:
        steps = steps + delta_bias.to(precision)[:, None]
    if softplus:
        steps = functional.softplus(steps)
    into, out = (each.to(precision).repeat_interleave(u.shape[1] // B.shape[1], dim=1) for each in (B, C))
    return u.to(precision), steps, A.to(precision), into, out


def _step(state: Tensor, step: Tensor, rates: Tensor, value: Tensor, into: Tensor) -> Tensor:
    return torch.exp(step * rates) * state + step * value * into


def _line(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length), laid out with the channels innermost in memory."""
    return tensor.to(dtype).transpose(1, 2).contiguous().transpose(1, 2)
