"""The selective scan (Gu and Dao 2024, equation 2 discretised as in their algorithm 2), and SS2D's (VMamba)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import operators


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    softplus: bool = True,
    backend: str = "",
) -> Tensor:
    """Run h ← exp(Δ·A)·h + Δ·B·u, y = C·h + D·u along the sequence, with Δ = softplus(delta + bias).

    Shapes: u and delta (batch, channels, length); A (channels, state), negative; B and C (batch, groups,
    state, length), where the channels fall into as many equal groups in order; D and delta_bias (channels,).
    Gives y (batch, channels, length) in the dtype of u, channels innermost in memory; computes in float32, or in
    float64 where u is float64. Without ``softplus``, Δ = delta + bias ≥ 0. ``backend`` forces one by name; raises
    ``SparxError`` where that one can't be had, and ``ValueError`` for shapes that don't go together.
    """
    batch, channels, length = u.shape
    groups, state = B.shape[1:3]
    _fits("delta", delta, u.shape)
    _fits("A", A, (channels, state))
    _fits("B", B, (batch, groups, state, length))
    _fits("C", C, B.shape)
    if channels % groups:
        raise ValueError(f"{channels} channels don't fall into {groups} equal groups")
    for name, tensor in (("D", D), ("delta_bias", delta_bias)):
        if tensor is not None:
            _fits(name, tensor, (channels,))
    return operators.selective_scan(u, delta, A, B, C, D, delta_bias, softplus, backend)


def ss2d_scan(
    x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor, backend: str = ""
) -> Tensor:
    """Scan a map by rows, by columns and both backwards, and sum the four results at every position.

    Shapes: x (batch, inner, height, width); projected (batch, height, width, 4·(R + 2N)), for each direction the R
    values that the time steps are made of, then B and C; dt_weight (4, inner, R), dt_bias (4, inner), A (4·inner, N),
    negative, and D (4·inner,). Δ = softplus(dt_weight · values + dt_bias). Gives (batch, inner, height, width) in the
    dtype of x, channels innermost in memory. ``backend`` and what is raised as for ``selective_scan``.
    """
    batch, inner, height, width = x.shape
    (rank, state), directions = (dt_weight.shape[2], A.shape[1]), dt_weight.shape[0]
    _fits("projected", projected, (batch, height, width, directions * (rank + 2 * state)))
    _fits("dt_weight", dt_weight, (4, inner, rank))
    _fits("dt_bias", dt_bias, (4, inner))
    _fits("A", A, (4 * inner, state))
    _fits("D", D, (4 * inner,))
    return operators.ss2d_scan(x, projected, dt_weight, dt_bias, A, D, backend)


def decay_rates(A_logs: Tensor) -> Tensor:
    """A = −exp(A_logs), of any shape, in float32 at least: a rounded rate bends every step."""
    return -torch.exp(A_logs.to(torch.promote_types(A_logs.dtype, torch.float32)))


def _fits(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ValueError(f"{name} is {tuple(tensor.shape)}, and {tuple(shape)} is what goes with the rest")
