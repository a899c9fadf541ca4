"""The backend ``reference``: the definition of the selective scan, position after position.

Slow, and the oracle of the other backends (Gu and Dao 2024, equation 2 discretised as in their algorithm 2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.arguments import ScanGradients, ScanInputs


def scan(inputs: ScanInputs) -> Tensor:
    """The selective scan: (batch, channels, length), channels-last."""
    u, steps, rates, into, out = _prepared(inputs)
    state = u.new_zeros(*u.shape[:2], rates.shape[1])
    results: list[Tensor] = []
    for t in range(u.shape[2]):
        state = _step(state, steps[:, :, t, None], rates, u[:, :, t, None], into[..., t])
        results.append((state * out[..., t]).sum(2))
    y = torch.stack(results, dim=1) if results else torch.zeros_like(u.transpose(1, 2))
    if inputs.D is not None:
        y = y + inputs.D.to(y.dtype) * u.transpose(1, 2)
    return y.to(inputs.u.dtype).contiguous().transpose(1, 2)


def scan_backward(gradient: Tensor, inputs: ScanInputs) -> ScanGradients:
    """The gradients of the scan's seven tensors: the chain rule, position before position.

    They have the tensors' shapes and dtypes; ``gradient`` is that of y, (batch, channels, length).
    """
    u, steps, rates, into, out = _prepared(inputs)
    g = gradient.to(u.dtype)
    states = [u.new_zeros(*u.shape[:2], rates.shape[1])]
    for t in range(u.shape[2]):
        states.append(_step(states[-1], steps[:, :, t, None], rates, u[:, :, t, None], into[..., t]))
    d_u, d_steps = torch.zeros_like(u), torch.zeros_like(steps)
    # Contiguous, whatever the strides of what they are gradients of: fake tensors say so.
    d_into, d_out, d_rates = (each.new_zeros(each.shape) for each in (into, out, rates))
    carry = torch.zeros_like(states[0])
    for t in reversed(range(u.shape[2])):
        step, value = steps[:, :, t, None], u[:, :, t, None]
        d_state = carry + g[:, :, t, None] * out[..., t]
        decay = torch.exp(step * rates)
        d_out[..., t] = g[:, :, t, None] * states[t + 1]
        d_into[..., t] = d_state * step * value
        d_rates += (d_state * decay * states[t] * step).sum(0)
        d_steps[:, :, t] = (d_state * (decay * states[t] * rates + value * into[..., t])).sum(2)
        d_u[:, :, t] = (d_state * step * into[..., t]).sum(2)
        carry = d_state * decay
    if inputs.softplus:
        d_steps = d_steps * -torch.expm1(-steps)
    D, delta_bias, groups = inputs.D, inputs.delta_bias, (inputs.B.shape[1], u.shape[1] // inputs.B.shape[1])
    if D is not None:
        d_u = d_u + g * D.to(g.dtype)[:, None]
    return (
        _channels_last(d_u, inputs.u.dtype),
        _channels_last(d_steps, inputs.delta.dtype),
        d_rates.to(inputs.A.dtype),
        torch.unflatten(d_into, 1, groups).sum(2).to(inputs.B.dtype),
        torch.unflatten(d_out, 1, groups).sum(2).to(inputs.C.dtype),
        None if D is None else (g * u).sum((0, 2)).to(D.dtype),
        None if delta_bias is None else d_steps.sum((0, 2)).to(delta_bias.dtype),
    )


def _prepared(inputs: ScanInputs) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """u and Δ (batch, channels, length), A, and B and C for each channel (batch, channels, N, length)."""
    precision = torch.float64 if inputs.u.dtype == torch.float64 else torch.float32
    steps = inputs.delta.to(precision)
    if inputs.delta_bias is not None:
        steps = steps + inputs.delta_bias.to(precision)[:, None]
    if inputs.softplus:
        steps = functional.softplus(steps)
    share = inputs.u.shape[1] // inputs.B.shape[1]
    into, out = (each.to(precision).repeat_interleave(share, dim=1) for each in (inputs.B, inputs.C))
    return inputs.u.to(precision), steps, inputs.A.to(precision), into, out


def _step(state: Tensor, step: Tensor, rates: Tensor, value: Tensor, into: Tensor) -> Tensor:
    return torch.exp(step * rates) * state + step * value * into


def _channels_last(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length) with the strides of a contiguous (batch, length, channels)."""
    return tensor.to(dtype).transpose(1, 2).contiguous().transpose(1, 2)
