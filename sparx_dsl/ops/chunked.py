"""The backend ``torch``: the selective scan and its gradients in vectorised chunks, on any device, in any dtype."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.arguments import ScanGradients, ScanInputs
from sparx_dsl.ops.linear_recurrence import linear_recurrence


@dataclass(frozen=True, slots=True)
class Terms:
    """The recurrence's terms, all (batch, length, groups, N or 1, channels of a group).

    ``z`` is the time step before softplus and ``rate`` is A; ``into`` and ``out`` are B and C.
    """

    u: Tensor
    z: Tensor
    delta: Tensor
    rate: Tensor
    into: Tensor
    out: Tensor
    decay: Tensor
    states: Tensor


def scan(inputs: ScanInputs) -> Tensor:
    """The selective scan: (batch, channels, length), channels-last.

    Differentiable any number of times, as plain PyTorch is; every state of every position is in memory.
    """
    terms = _terms(inputs)
    # A sum over one state would copy the largest tensor of all.
    y = terms.states * terms.out
    y = y.sum(dim=3) if inputs.A.shape[1] != 1 else y.squeeze(3)
    if inputs.D is not None:
        y = torch.addcmul(y, terms.u.squeeze(3), _by_channel(inputs.D[:, None], terms).squeeze(1))
    return _channels_last(y, inputs.u.dtype)


def scan_backward(gradient: Tensor, inputs: ScanInputs) -> ScanGradients:
    """The gradients of the scan's seven tensors, in their shapes and dtypes, from y's (batch, channels, length)."""
    t, D, delta_bias = _terms(inputs), inputs.D, inputs.delta_bias
    g = _by_position(gradient, inputs.B.shape[1], t.u.dtype)
    later = torch.cat((t.decay[:, 1:], torch.zeros_like(t.decay[:, :1])), dim=1)
    d_states = linear_recurrence(later.flip(1), (g * t.out).flip(1)).flip(1)
    before = torch.cat((torch.zeros_like(t.states[:, :1]), t.states[:, :-1]), dim=1)
    from_decay = d_states * t.decay * before
    d_driven = (d_states * t.into).sum(3, keepdim=True)
    d_delta = (from_decay * t.rate).sum(3, keepdim=True) + d_driven * t.u
    dz = d_delta * torch.sigmoid(t.z) if inputs.softplus else d_delta
    du = d_driven * t.delta
    if D is not None:
        du = du + g * _by_channel(D[:, None], t)
    return (
        _channels_last(du.squeeze(3), inputs.u.dtype),
        _channels_last(dz.squeeze(3), inputs.delta.dtype),
        (from_decay * t.delta).sum((0, 1)).transpose(1, 2).flatten(0, 1).contiguous().to(inputs.A.dtype),
        (d_states * t.delta * t.u).sum(4).permute(0, 2, 3, 1).contiguous().to(inputs.B.dtype),
        (g * t.states).sum(4).permute(0, 2, 3, 1).contiguous().to(inputs.C.dtype),
        None if D is None else (g * t.u).sum((0, 1)).flatten().to(D.dtype),
        None if delta_bias is None else dz.sum((0, 1)).flatten().to(delta_bias.dtype),
    )


def _terms(inputs: ScanInputs) -> Terms:
    precision = torch.float64 if inputs.u.dtype == torch.float64 else torch.float32
    groups = inputs.B.shape[1]
    u, z = (_by_position(tensor, groups, precision) for tensor in (inputs.u, inputs.delta))
    if inputs.delta_bias is not None:
        z = z + _grouped(inputs.delta_bias[:, None], groups, precision)
    steps = functional.softplus(z) if inputs.softplus else z
    into, out = (each.to(precision).permute(0, 3, 1, 2)[..., None] for each in (inputs.B, inputs.C))
    rate = _grouped(inputs.A, groups, precision)
    decay = torch.exp(steps * rate)
    states = linear_recurrence(decay, steps * u * into)
    return Terms(u, z, steps, rate, into, out, decay, states)


def _by_position(tensor: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length) to (batch, length, groups, 1, channels of a group)."""
    return torch.unflatten(tensor.to(dtype).transpose(1, 2), 2, (groups, 1, tensor.shape[1] // groups))


def _grouped(tensor: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """(channels, values) to (groups, values, channels of a group)."""
    return torch.unflatten(tensor.to(dtype), 0, (groups, tensor.shape[0] // groups)).transpose(1, 2)


def _by_channel(tensor: Tensor, terms: Terms) -> Tensor:
    return _grouped(tensor, terms.u.shape[2], terms.u.dtype)


def _channels_last(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, length, groups, channels of a group) to (batch, channels, length), strided as the former is."""
    return tensor.flatten(2).to(dtype).contiguous().transpose(1, 2)
