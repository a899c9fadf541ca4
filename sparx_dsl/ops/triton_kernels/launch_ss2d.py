"""The fused SS2D in Triton: allocate, launch, and sum the programs' partial results."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false
# Triton has no types, and may be missing.

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import SS2DGradients, SS2DInputs
from sparx_dsl.ops.triton_kernels.blocks import (
    MOST_POSITIONS,
    Blocks,
    backward_blocks,
    forward_blocks,
    power_of_two,
    reciprocal,
)
from sparx_dsl.ops.triton_kernels.buffers import by_position, float32, is_precise, merge, sizes, walk_sums


def ss2d(inputs: SS2DInputs, *, blocks: Blocks | None = None) -> Tensor:
    """The fused SS2D: the sum over four walks of the selective scan, without time steps or copies in memory.

    Returns (batch, inner, height, width), channels-last, in x's dtype. Besides it, needs memory for two results, or
    four where the batch is small, in x's dtype (float32 where that is float16). Raises ``ValueError`` for a map of
    ``MOST_POSITIONS`` or more.
    """
    x = inputs.x
    blocks = blocks or forward_blocks(x.shape[1], len(x))
    sums = walk_sums(x, blocks)
    _launch_walks(inputs, sums, None, blocks)
    return merge(sums, x)


def ss2d_backward(gradient: Tensor, inputs: SS2DInputs, *, blocks: Blocks | None = None) -> SS2DGradients:
    """The gradients of SS2D's six tensors, in their shapes and dtypes, from y's (batch, inner, height, width).

    Besides them and what ``ss2d`` needs, float32 memory for the states before every tile of 16 positions, and for
    one gradient of ``projected`` per block of 64 channels.
    """
    from sparx_dsl.ops.triton_kernels.ss2d_backward import walk_backward

    x, projected, dt_weight, dt_bias, A, D = inputs
    batch, inner, height, width = x.shape
    rank, state, length = dt_weight.shape[2], A.shape[1], height * width
    blocks = blocks or backward_blocks(inner, batch)
    states = float32(x, batch, 4, -(-length // blocks.tile), state, inner)
    _launch_walks(inputs, None, states, replace(blocks, turns=1))
    x_gradients = walk_sums(x, blocks)
    value_gradients = float32(x, blocks.count(inner), batch, height, width, projected.shape[3])
    weight_gradients = float32(x, batch, 4, inner, rank)
    bias_gradients, D_gradients = (float32(x, batch, 4, inner) for _ in range(2))
    A_gradients = float32(x, batch, 4, inner, state)
    with torch.cuda.device_of(x):
        walk_backward[(blocks.count(inner) * batch, blocks.sums)](
            by_position(gradient), by_position(x), projected.contiguous(),
            dt_weight.contiguous(), dt_bias.contiguous(), A.contiguous(), D.contiguous(), states,
            x_gradients, value_gradients, weight_gradients, bias_gradients, A_gradients, D_gradients,
            length, width, *reciprocal(max(height, 1)), inner, **sizes(A.shape[1], blocks, inner), TURNS=blocks.turns,
            RANK=rank, RANK_BLOCK=max(16, power_of_two(rank)), WIDE=_wide(x, projected),
            PRECISE=is_precise(x, projected), num_warps=blocks.warps,
        )  # fmt: skip
    return (
        merge(x_gradients, x),
        value_gradients.sum(0).to(projected.dtype),
        weight_gradients.sum(0).to(dt_weight.dtype),
        bias_gradients.sum(0).to(dt_bias.dtype),
        A_gradients.sum(0).to(A.dtype).view_as(A),
        D_gradients.sum(0).to(D.dtype).view_as(D),
    )


def _launch_walks(inputs: SS2DInputs, sums: Tensor | None, states: Tensor | None, blocks: Blocks) -> None:
    """Write the sums of walks, or where that is None the states before each tile."""
    from sparx_dsl.ops.triton_kernels.ss2d_forward import walk_forward

    x, projected, dt_weight, dt_bias, A, D = inputs
    batch, inner, height, width = x.shape
    rank = dt_weight.shape[2]
    if height * width >= MOST_POSITIONS:
        raise ValueError(f"a map of {height} × {width} has too many positions: below {MOST_POSITIONS} are possible")
    with torch.cuda.device_of(x):
        walk_forward[(blocks.count(inner) * batch, blocks.sums)](
            by_position(x), projected.contiguous(), dt_weight.contiguous(), dt_bias.contiguous(),
            A.contiguous(), D.contiguous(), x if sums is None else sums, x if states is None else states,
            height * width, width, *reciprocal(max(height, 1)), inner, **sizes(A.shape[1], blocks, inner),
            TURNS=blocks.turns, RANK=rank, RANK_BLOCK=power_of_two(rank), WIDE=_wide(x, projected),
            PRECISE=is_precise(x, projected), STATES_ONLY=sums is None, num_warps=blocks.warps,
        )  # fmt: skip


def _wide(x: Tensor, projected: Tensor) -> bool:
    """Whether indices into one image need 64 bits."""
    return max(x.shape[1:].numel(), projected.shape[1:].numel()) >= 2**31
