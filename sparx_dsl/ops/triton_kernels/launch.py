"""The four functions of the Triton backend: allocate, launch, and sum what programs wrote side by side."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false
# Triton has no types, and may be missing.

from __future__ import annotations

import functools
import importlib.util
from dataclasses import replace

import torch
from torch import Tensor

from sparx_dsl.ops.triton_kernels.blocks import (
    MOST_POSITIONS,
    Blocks,
    backward_blocks,
    forward_blocks,
    power_of_two,
    reciprocal,
)

OLDEST_CAPABILITY = (8, 0)
"""CUDA devices from Ampere on: the oldest for which the kernels are compiled in the tests."""


def problem(device_type: str) -> str | None:
    """Say why the kernels do not run here on tensors of that device type; None if they do.

    On CUDA they run natively; on the CPU in Triton's interpreter, slowly, if the environment variable
    TRITON_INTERPRET=1 was set before the kernels were imported.
    """
    if not _installed():
        return "triton is not installed (pip install 'sparx_dsl[triton]')"
    from sparx_dsl.ops.triton_kernels import tile

    if not tile.COMPILED:
        return None if device_type in ("cpu", "cuda") else f"there are no kernels for {device_type!r}"
    if device_type != "cuda":
        return f"the kernels run on CUDA, not on {device_type!r}; TRITON_INTERPRET=1 runs them, slowly, on the CPU"
    if torch.version.hip is not None or not torch.cuda.is_available():
        return "there is no CUDA device here"
    capability = torch.cuda.get_device_capability()
    if capability < OLDEST_CAPABILITY:
        return f"the CUDA device's capability is {capability[0]}.{capability[1]}, and 8.0 is the least"
    return None


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
    """The selective scan, as ``ops.selective_scan`` defines it: y (batch, channels, length) in u's dtype.

    Strides are arbitrary; y has its channels innermost in memory.
    """
    y = _channels_innermost(u, u.dtype)
    _launch_scan(u, delta, A, B, C, D, delta_bias, softplus, y, None, forward_blocks(_per_group(u, B), len(u)))
    return y


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
    """The gradients of u, delta, A, B, C, D and delta_bias from that of y, rebuilding the states from the inputs.

    Those of u and delta have their channels innermost in memory; all have their inputs' dtypes.
    """
    from sparx_dsl.ops.triton_kernels.scan_backward import scan_backward as kernel

    batch, channels, length = u.shape
    groups, state = B.shape[1], B.shape[2]
    blocks = backward_blocks(_per_group(u, B), len(u))
    count = blocks.count(_per_group(u, B))
    states = _float32(u, batch, -(-length // blocks.tile), state, channels)
    _launch_scan(u, delta, A, B, C, D, delta_bias, softplus, None, states, blocks)
    u_gradient, delta_gradient = _channels_innermost(u, u.dtype), _channels_innermost(delta, delta.dtype)
    A_gradients = _float32(u, batch, channels, state)
    B_gradients, C_gradients = (_float32(u, count, batch, groups, state, length) for _ in range(2))
    D_gradients, bias_gradients = (_float32(u, batch, channels) for _ in range(2))
    rows = (D, delta_bias)
    with torch.cuda.device_of(u):
        kernel[(count * batch, groups)](
            gradient, u, delta, A.contiguous(), B, C, _dense(D, u), _dense(delta_bias, u), states,
            u_gradient, delta_gradient, A_gradients, B_gradients, C_gradients, D_gradients, bias_gradients,
            length, channels, *gradient.stride(), *u.stride(), *delta.stride(), *B.stride(), *C.stride(),
            **_sizes(A, blocks, _per_group(u, B)), HAS_D=D is not None, HAS_BIAS=delta_bias is not None,
            SOFTPLUS=softplus, PRECISE=_precise(u, delta), num_warps=blocks.warps,
        )  # fmt: skip
    D_gradient, bias_gradient = (
        None if row is None else partial.sum(0).to(row.dtype)
        for row, partial in zip(rows, (D_gradients, bias_gradients), strict=True)
    )
    return (
        u_gradient,
        delta_gradient,
        A_gradients.sum(0).to(A.dtype),
        B_gradients.sum(0).to(B.dtype),
        C_gradients.sum(0).to(C.dtype),
        D_gradient,
        bias_gradient,
    )


def ss2d(
    x: Tensor,
    projected: Tensor,
    dt_weight: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    *,
    blocks: Blocks | None = None,
) -> Tensor:
    """The fused SS2D: the sum over four walks of the selective scan, without time steps or copies in memory.

    x (batch, inner, height, width); projected (batch, height, width, 4·(R + 2N)): for rows, columns, rows
    reversed and columns reversed in turn, R time values, N of B and N of C; dt_weight (4, inner, R); dt_bias
    (4, inner); A (4·inner, N) float32; D (4·inner,). Gives (batch, inner, height, width) in channels-last
    memory and x's dtype. Besides it, needs memory for two results, or four where the batch is small, in x's
    dtype (float32 where that is float16).
    """
    blocks = blocks or forward_blocks(x.shape[1], len(x))
    sums = _sums(x, blocks)
    _launch_walks(x, projected, dt_weight, dt_bias, A, D, sums, None, blocks)
    return _merged(sums, x)


def ss2d_backward(
    gradient: Tensor,
    x: Tensor,
    projected: Tensor,
    dt_weight: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    *,
    blocks: Blocks | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of x, projected, dt_weight, dt_bias, A and D, each in its input's shape and dtype.

    Besides them and what ``ss2d`` needs, float32 memory for the states before every tile of 16 positions, and for
    one gradient of ``projected`` per block of 64 channels.
    """
    from sparx_dsl.ops.triton_kernels.ss2d_backward import walk_backward

    batch, inner, height, width = x.shape
    rank, state, length = dt_weight.shape[2], A.shape[1], height * width
    blocks = blocks or backward_blocks(inner, batch)
    states = _float32(x, batch, 4, -(-length // blocks.tile), state, inner)
    _launch_walks(x, projected, dt_weight, dt_bias, A, D, None, states, replace(blocks, turns=1))
    x_gradients = _sums(x, blocks)
    value_gradients = _float32(x, blocks.count(inner), batch, height, width, projected.shape[3])
    weight_gradients = _float32(x, batch, 4, inner, rank)
    bias_gradients, D_gradients = (_float32(x, batch, 4, inner) for _ in range(2))
    A_gradients = _float32(x, batch, 4, inner, state)
    with torch.cuda.device_of(x):
        walk_backward[(blocks.count(inner) * batch, blocks.sums)](
            _channels_last(gradient), _channels_last(x), projected.contiguous(),
            dt_weight.contiguous(), dt_bias.contiguous(), A.contiguous(), D.contiguous(), states,
            x_gradients, value_gradients, weight_gradients, bias_gradients, A_gradients, D_gradients,
            length, width, *reciprocal(max(height, 1)), inner, **_sizes(A, blocks, inner), TURNS=blocks.turns,
            RANK=rank, RANK_BLOCK=max(16, power_of_two(rank)), WIDE=_wide(x, projected),
            PRECISE=_precise(x, projected), num_warps=blocks.warps,
        )  # fmt: skip
    return (
        _merged(x_gradients, x),
        value_gradients.sum(0).to(projected.dtype),
        weight_gradients.sum(0).to(dt_weight.dtype),
        bias_gradients.sum(0).to(dt_bias.dtype),
        A_gradients.sum(0).to(A.dtype).view_as(A),
        D_gradients.sum(0).to(D.dtype).view_as(D),
    )


@functools.cache
def _installed() -> bool:
    """Whether Triton can be imported; the search takes longer than a launch, and its answer stays."""
    return importlib.util.find_spec("triton") is not None


def _launch_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
    y: Tensor | None,
    states: Tensor | None,
    blocks: Blocks,
) -> None:
    """Write y, or where there is none the states before each tile."""
    from sparx_dsl.ops.triton_kernels.scan_forward import scan_forward

    batch, channels, length = u.shape
    with torch.cuda.device_of(u):
        scan_forward[(blocks.count(_per_group(u, B)) * batch, B.shape[1])](
            u, delta, A.contiguous(), B, C, _dense(D, u), _dense(delta_bias, u),
            u if y is None else y, u if states is None else states,
            length, channels, *u.stride(), *delta.stride(), *B.stride(), *C.stride(),
            **_sizes(A, blocks, _per_group(u, B)), HAS_D=D is not None, HAS_BIAS=delta_bias is not None,
            SOFTPLUS=softplus, PRECISE=_precise(u, delta), STATES_ONLY=y is None, num_warps=blocks.warps,
        )  # fmt: skip


def _launch_walks(
    x: Tensor,
    projected: Tensor,
    dt_weight: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    sums: Tensor | None,
    states: Tensor | None,
    blocks: Blocks,
) -> None:
    """Write the sums of walks, or where there are none the states before each tile."""
    from sparx_dsl.ops.triton_kernels.ss2d_forward import walk_forward

    batch, inner, height, width = x.shape
    rank = dt_weight.shape[2]
    assert height * width < MOST_POSITIONS
    with torch.cuda.device_of(x):
        walk_forward[(blocks.count(inner) * batch, blocks.sums)](
            _channels_last(x), projected.contiguous(), dt_weight.contiguous(), dt_bias.contiguous(),
            A.contiguous(), D.contiguous(), x if sums is None else sums, x if states is None else states,
            height * width, width, *reciprocal(max(height, 1)), inner, **_sizes(A, blocks, inner), TURNS=blocks.turns,
            RANK=rank, RANK_BLOCK=power_of_two(rank), WIDE=_wide(x, projected), PRECISE=_precise(x, projected),
            STATES_ONLY=sums is None, num_warps=blocks.warps,
        )  # fmt: skip


def _sizes(A: Tensor, blocks: Blocks, channels: int) -> dict[str, int | bool]:
    """The sizes that all kernels are compiled for; WHOLE says that blocks of that many channels have no rest."""
    state = A.shape[1]
    return {
        "STATE": state,
        "STATE_BLOCK": power_of_two(state),
        "TILE": blocks.tile,
        "CHANNELS": blocks.channels,
        "WHOLE": channels % blocks.channels == 0,
    }


def _wide(x: Tensor, projected: Tensor) -> bool:
    """Whether places in one image need 64 bits."""
    return max(x.shape[1:].numel(), projected.shape[1:].numel()) >= 2**31


def _per_group(u: Tensor, B: Tensor) -> int:
    """The channels of a group."""
    return u.shape[1] // B.shape[1]


def _precise(*activations: Tensor) -> bool:
    """Whether the activations carry more digits than the fast logarithm keeps of small time steps."""
    return all(each.dtype == torch.float32 for each in activations)


def _float32(like: Tensor, *shape: int) -> Tensor:
    """Memory for that shape, on the device of ``like``."""
    return torch.empty(shape, device=like.device, dtype=torch.float32)


def _dense(row: Tensor | None, instead: Tensor) -> Tensor:
    """The row, its values side by side in memory; where there is none, a tensor that the kernel does not read."""
    return instead if row is None else row.contiguous()


def _channels_innermost(like: Tensor, dtype: torch.dtype) -> Tensor:
    """Memory for (batch, channels, length), the channels innermost."""
    batch, channels, length = like.shape
    return torch.empty(batch, length, channels, device=like.device, dtype=dtype).transpose(1, 2)


def _channels_last(tensor: Tensor) -> Tensor:
    """(batch, channels, height, width) as contiguous (batch, height, width, channels)."""
    return tensor.permute(0, 2, 3, 1).contiguous()


def _sums(x: Tensor, blocks: Blocks) -> Tensor:
    """Memory for the sums of walks: (sums, batch, height, width, inner).

    In x's dtype, but for float16: a part may be beyond its range where the whole is not.
    """
    batch, inner, height, width = x.shape
    dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
    return torch.empty(blocks.sums, batch, height, width, inner, device=x.device, dtype=dtype)


def _merged(sums: Tensor, x: Tensor) -> Tensor:
    """The sum of the sums: (batch, inner, height, width), channels last in memory, in x's dtype."""
    return sums.sum(0).to(x.dtype).permute(0, 3, 1, 2)
