"""The selective scan (Gu and Dao 2024, equation 2 discretised as in their Algorithm 2), in plain PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.linear_recurrence import linear_recurrence


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    softplus: bool = True,
) -> Tensor:
    """Run h ← exp(Δ·A)·h + Δ·B·u, y = C·h + D·u along the sequence, with Δ = softplus(delta + bias).

    Shapes: u and delta (batch, channels, length); A (channels, state), negative; B and C (batch, groups,
    state, length), where the channels fall into as many equal groups in order; D and delta_bias (channels,).
    Gives y (batch, channels, length) in the dtype of u; computes in float32, or in float64 where u is
    float64. Without ``softplus``, Δ = delta + bias ≥ 0.
    """
    precision = torch.float64 if u.dtype == torch.float64 else torch.float32
    groups, state = B.shape[1], B.shape[2]

    def by_position(tensor: Tensor) -> Tensor:
        """(batch, channels, length) to (batch, length, groups, 1, channels of a group)."""
        return torch.unflatten(tensor.to(precision).transpose(1, 2), 2, (groups, 1, -1))

    def by_channel(tensor: Tensor) -> Tensor:
        """(channels, values) to (groups, values, channels of a group)."""
        return torch.unflatten(tensor.to(precision), 0, (groups, -1)).transpose(1, 2)

    inputs, steps = by_position(u), by_position(delta)
    if delta_bias is not None:
        steps = steps + by_channel(delta_bias[:, None])
    if softplus:
        steps = functional.softplus(steps)
    inward, outward = (each.to(precision).permute(0, 3, 1, 2)[..., None] for each in (B, C))
    states = linear_recurrence(torch.exp(steps * by_channel(A)), steps * inputs * inward)
    # A sum over one state would copy the largest tensor of all.
    y = (states * outward).sum(dim=3) if state > 1 else (states * outward).squeeze(3)
    if D is not None:
        y = torch.addcmul(y, inputs.squeeze(3), by_channel(D[:, None]).squeeze(1))
    return y.flatten(2).transpose(1, 2).to(u.dtype)


def decay_rates(A_logs: Tensor) -> Tensor:
    """A = −exp(A_logs), of any shape, in float32 at least: a rounded rate bends every step."""
    return -torch.exp(A_logs.to(torch.promote_types(A_logs.dtype, torch.float32)))
