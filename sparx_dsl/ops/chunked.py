"""The backend ``torch``: the selective scan and its derivative in vectorised chunks, on any device, in any dtype."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.linear_recurrence import linear_recurrence


@dataclass(frozen=True, slots=True)
class Terms:
    """What the recurrence is made of, all (batch, length, groups, states or 1, channels of a group).

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
    """The selective scan; arguments and result as ``torch.ops.sparx_dsl.selective_scan`` has them.

    Differentiable any number of times, as plain PyTorch is; every state of every position is in memory.
    """
    terms = _terms(u, delta, A, B, C, delta_bias, softplus)
    # A sum over one state would copy the largest tensor of all.
    y = terms.states * terms.out
    y = y.sum(dim=3) if A.shape[1] != 1 else y.squeeze(3)
    if D is not None:
        y = torch.addcmul(y, terms.u.squeeze(3), _by_channel(D[:, None], terms).squeeze(1))
    return _to_line(y, u.dtype)


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
    """The derivatives of the scan's seven tensors, in their dtypes."""
    t = _terms(u, delta, A, B, C, delta_bias, softplus)
    g = _by_position(gradient, B.shape[1], t.u.dtype)
    later = torch.cat((t.decay[:, 1:], torch.zeros_like(t.decay[:, :1])), dim=1)
    d_states = linear_recurrence(later.flip(1), (g * t.out).flip(1)).flip(1)
    before = torch.cat((torch.zeros_like(t.states[:, :1]), t.states[:, :-1]), dim=1)
    from_decay = d_states * t.decay * before
    d_driven = (d_states * t.into).sum(3, keepdim=True)
    d_delta = (from_decay * t.rate).sum(3, keepdim=True) + d_driven * t.u
    dz = d_delta * torch.sigmoid(t.z) if softplus else d_delta
    du = d_driven * t.delta
    if D is not None:
        du = du + g * _by_channel(D[:, None], t)
    return (
        _to_line(du.squeeze(3), u.dtype),
        _to_line(dz.squeeze(3), delta.dtype),
        (from_decay * t.delta).sum((0, 1)).transpose(1, 2).flatten(0, 1).to(A.dtype),
        (d_states * t.delta * t.u).sum(4).permute(0, 2, 3, 1).contiguous().to(B.dtype),
        (g * t.states).sum(4).permute(0, 2, 3, 1).contiguous().to(C.dtype),
        None if D is None else (g * t.u).sum((0, 1)).flatten().to(D.dtype),
        None if delta_bias is None else dz.sum((0, 1)).flatten().to(delta_bias.dtype),
    )


def _terms(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, delta_bias: Tensor | None, softplus: bool
) -> Terms:
    precision = torch.float64 if u.dtype == torch.float64 else torch.float32
    groups = B.shape[1]
    inputs, z = (_by_position(tensor, groups, precision) for tensor in (u, delta))
    if delta_bias is not None:
        z = z + _grouped(delta_bias[:, None], groups, precision)
    steps = functional.softplus(z) if softplus else z
    into, out = (each.to(precision).permute(0, 3, 1, 2)[..., None] for each in (B, C))
    rate = _grouped(A, groups, precision)
    decay = torch.exp(steps * rate)
    states = linear_recurrence(decay, steps * inputs * into)
    return Terms(inputs, z, steps, rate, into, out, decay, states)


def _by_position(tensor: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length) to (batch, length, groups, 1, channels of a group)."""
    return torch.unflatten(tensor.to(dtype).transpose(1, 2), 2, (groups, 1, tensor.shape[1] // groups))


def _grouped(tensor: Tensor, groups: int, dtype: torch.dtype) -> Tensor:
    """(channels, values) to (groups, values, channels of a group)."""
    return torch.unflatten(tensor.to(dtype), 0, (groups, tensor.shape[0] // groups)).transpose(1, 2)


def _by_channel(tensor: Tensor, terms: Terms) -> Tensor:
    return _grouped(tensor, terms.u.shape[2], terms.u.dtype)


def _to_line(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, length, groups, channels of a group) to (batch, channels, length), channels innermost in memory."""
    return tensor.flatten(2).to(dtype).contiguous().transpose(1, 2)
