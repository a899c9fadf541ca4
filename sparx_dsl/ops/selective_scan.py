"""The selective scan (Gu and Dao 2024, equation 2 discretised as in their algorithm 2), and SS2D's (VMamba)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import operators, transforms
from sparx_dsl.ops.forward_mode import refuse_tangents


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

    Shapes: u and delta (batch, channels, length); A (channels, N), negative; B and C (batch, groups, N, length),
    where consecutive channels form equal groups; D and delta_bias (channels,). Returns y (batch, channels, length) in
    the dtype of u, channels-last; computes in float32, or in float64 where u is float64. Without ``softplus``,
    Δ = delta + bias ≥ 0. ``backend`` forces one by name; raises ``SparxError`` where that one cannot be used,
    ``ValueError`` for shapes, dtypes or devices that do not match, and ``NotImplementedError`` for derivatives in
    forward mode.
    """
    if not torch.compiler.is_compiling():
        refuse_tangents(u, delta, A, B, C, D, delta_bias)
        if transforms.is_transformed():
            return transforms.selective_scan(u, delta, A, B, C, D, delta_bias, softplus, backend)
    return operators.selective_scan(u, delta, A, B, C, D, delta_bias, softplus, backend)


def ss2d_scan(
    x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor, backend: str = ""
) -> Tensor:
    """Scan a map by rows, by columns and both backwards, and sum the four results at every position.

    Shapes: x (batch, inner, height, width); projected (batch, height, width, 4·(R + 2N)), for each direction the R
    values that the time steps are made of, then B and C; dt_weight (4, inner, R), dt_bias (4, inner), A (4·inner, N),
    negative, and D (4·inner,). Δ = softplus(dt_weight · values + dt_bias). Returns (batch, inner, height, width) in
    the dtype of x, channels-last. ``backend`` and what is raised as for ``selective_scan``.
    """
    if not torch.compiler.is_compiling():
        refuse_tangents(x, projected, dt_weight, dt_bias, A, D)
        if transforms.is_transformed():
            return transforms.ss2d_scan(x, projected, dt_weight, dt_bias, A, D, backend)
    return operators.ss2d_scan(x, projected, dt_weight, dt_bias, A, D, backend)


def decay_rates(A_logs: Tensor) -> Tensor:
    """A = −exp(A_logs), of any shape, in float32 at least: a rounded rate bends every step."""
    return -torch.exp(A_logs.to(torch.promote_types(A_logs.dtype, torch.float32)))
