"""The scan along one dimension in Triton: allocate, launch, and sum the programs' partial results."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false
# Triton has no types, and may be missing.

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import ScanGradients, ScanInputs
from sparx_dsl.ops.triton_kernels.blocks import Blocks, backward_blocks, forward_blocks
from sparx_dsl.ops.triton_kernels.buffers import channels_last_line, contiguous_or, float32, has_ptx, is_precise, sizes


def scan(inputs: ScanInputs) -> Tensor:
    """The selective scan: (batch, channels, length) in u's dtype, channels-last. Strides are arbitrary."""
    y = channels_last_line(inputs.u, inputs.u.dtype)
    _launch(inputs, y, None, forward_blocks(_per_group(inputs), len(inputs.u)))
    return y


def scan_backward(gradient: Tensor, inputs: ScanInputs) -> ScanGradients:
    """The gradients of the scan's seven tensors, in their shapes and dtypes, rebuilding the states from the inputs.

    ``gradient`` is that of y, (batch, channels, length). The gradients of u and delta are channels-last.
    """
    from sparx_dsl.ops.triton_kernels.scan_backward import scan_backward as kernel

    u, delta, A, B, C, D, delta_bias, softplus = inputs
    batch, channels, length = u.shape
    groups, state, per_group = B.shape[1], B.shape[2], _per_group(inputs)
    blocks = backward_blocks(per_group)
    count = blocks.count(per_group)
    states = float32(u, batch, -(-length // blocks.tile), state, channels)
    _launch(inputs, None, states, blocks)
    u_gradient, delta_gradient = channels_last_line(u, u.dtype), channels_last_line(delta, delta.dtype)
    A_gradients = float32(u, batch, channels, state)
    B_gradients, C_gradients = (float32(u, count, batch, groups, state, length) for _ in range(2))
    D_gradients, bias_gradients = (float32(u, batch, channels) for _ in range(2))
    with torch.cuda.device_of(u):
        kernel[(count * batch, groups)](
            gradient, u, delta, A.contiguous(), B, C, contiguous_or(D, u), contiguous_or(delta_bias, u), states,
            u_gradient, delta_gradient, A_gradients, B_gradients, C_gradients, D_gradients, bias_gradients,
            length, channels, *gradient.stride(), *u.stride(), *delta.stride(), *B.stride(), *C.stride(),
            **sizes(state, blocks, per_group), HAS_D=D is not None, HAS_BIAS=delta_bias is not None,
            SOFTPLUS=softplus, PRECISE=is_precise(u, delta), PTX=has_ptx(), num_warps=blocks.warps,
        )  # fmt: skip
    return (
        u_gradient,
        delta_gradient,
        A_gradients.sum(0).to(A.dtype),
        B_gradients.sum(0).to(B.dtype),
        C_gradients.sum(0).to(C.dtype),
        None if D is None else D_gradients.sum(0).to(D.dtype),
        None if delta_bias is None else bias_gradients.sum(0).to(delta_bias.dtype),
    )


def _launch(inputs: ScanInputs, y: Tensor | None, states: Tensor | None, blocks: Blocks) -> None:
    """Write y, or where that is None the states before each tile."""
    from sparx_dsl.ops.triton_kernels.scan_forward import scan_forward

    u, delta, A, B, C, D, delta_bias, softplus = inputs
    batch, channels, length = u.shape
    per_group = _per_group(inputs)
    with torch.cuda.device_of(u):
        scan_forward[(blocks.count(per_group) * batch, B.shape[1])](
            u, delta, A.contiguous(), B, C, contiguous_or(D, u), contiguous_or(delta_bias, u),
            u if y is None else y, u if states is None else states,
            length, channels, *u.stride(), *delta.stride(), *B.stride(), *C.stride(),
            **sizes(A.shape[1], blocks, per_group), HAS_D=D is not None, HAS_BIAS=delta_bias is not None,
            SOFTPLUS=softplus, PRECISE=is_precise(u, delta), PTX=has_ptx(), STATES_ONLY=y is None,
            num_warps=blocks.warps,
        )  # fmt: skip


def _per_group(inputs: ScanInputs) -> int:
    """The channels of a group."""
    return inputs.u.shape[1] // inputs.B.shape[1]
