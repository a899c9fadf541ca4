"""The selective scan (Gu and Dao 2024, equation 2 discretised as in their algorithm 2), and SS2D's (VMamba)."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import operators
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

    Shapes: u and delta (batch, channels, length); A (channels, state), negative; B and C (batch, groups,
    state, length), where the channels fall into as many equal groups in order; D and delta_bias (channels,).
    Gives y (batch, channels, length) in the dtype of u, channels innermost in memory; computes in float32, or in
    float64 where u is float64. Without ``softplus``, Δ = delta + bias ≥ 0. ``backend`` forces one by name; raises
    ``SparxError`` where that one can't be had, ``ValueError`` for shapes or devices that don't go together, and
    ``NotImplementedError`` for derivatives in forward mode.
    """
    (batch, channels, length), (groups, state) = _sizes("u", u, 3), _sizes("B", B, 4)[1:3]
    _fits("delta", delta, u.shape, u)
    _fits("A", A, (channels, state), u)
    _fits("B", B, (batch, groups, state, length), u)
    _fits("C", C, B.shape, u)
    if groups == 0 or channels % groups:
        raise ValueError(f"{channels} channels don't fall into {groups} equal groups")
    for name, tensor in (("D", D), ("delta_bias", delta_bias)):
        if tensor is not None:
            _fits(name, tensor, (channels,), u)
    if not torch.compiler.is_compiling():
        refuse_tangents(u, delta, A, B, C, D, delta_bias)
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
    batch, inner, height, width = _sizes("x", x, 4)
    rank, state = _sizes("dt_weight", dt_weight, 3)[2], _sizes("A", A, 2)[1]
    _fits("projected", projected, (batch, height, width, 4 * (rank + 2 * state)), x)
    _fits("dt_weight", dt_weight, (4, inner, rank), x)
    _fits("dt_bias", dt_bias, (4, inner), x)
    _fits("A", A, (4 * inner, state), x)
    _fits("D", D, (4 * inner,), x)
    if not torch.compiler.is_compiling():
        refuse_tangents(x, projected, dt_weight, dt_bias, A, D)
    return operators.ss2d_scan(x, projected, dt_weight, dt_bias, A, D, backend)


def decay_rates(A_logs: Tensor) -> Tensor:
    """A = −exp(A_logs), of any shape, in float32 at least: a rounded rate bends every step."""
    return -torch.exp(A_logs.to(torch.promote_types(A_logs.dtype, torch.float32)))


def _sizes(name: str, tensor: Tensor, dimensions: int) -> torch.Size:
    """The shape of a tensor that is to have so many dimensions."""
    if tensor.dim() != dimensions:
        raise ValueError(f"{name} is {tuple(tensor.shape)}, and {dimensions} dimensions are what it has to have")
    return tensor.shape


def _fits(name: str, tensor: Tensor, shape: tuple[int, ...], first: Tensor) -> None:
    if tensor.shape != shape:
        raise ValueError(f"{name} is {tuple(tensor.shape)}, and {tuple(shape)} is what goes with the rest")
    if tensor.device != first.device:
        raise ValueError(f"{name} is on {tensor.device}, and what it goes with on {first.device}")
