"""The backend ``mamba_ssm``: the CUDA kernel of the package mamba-ssm, where that is installed with one.

Since version 2.3 its default build has no kernel for this scan. It is used only where it is asked for by name.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor


def problem(device_type: str) -> str | None:
    """Why it can't be used for tensors of that type of device; None where it can."""
    if device_type != "cuda":
        return "its kernel is for CUDA only"
    if importlib.util.find_spec("mamba_ssm") is None:
        return "the package mamba-ssm is not installed"
    if importlib.util.find_spec("selective_scan_cuda") is None:
        return "mamba-ssm was installed without its kernel (its build wants MAMBA_KEEP_CUDA_BUILD=TRUE and nvcc)"
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
    """The selective scan; arguments and result as ``torch.ops.sparx_dsl.selective_scan`` has them."""
    y = _kernel().fwd(*_arguments(u, delta, A, B, C, D, delta_bias), softplus)[0]
    return y.transpose(1, 2).contiguous().transpose(1, 2)


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
    inputs = _arguments(u, delta, A, B, C, D, delta_bias)
    states = _kernel().fwd(*inputs, softplus)[1]
    u_, delta_, A_, B_, C_, D_, _, bias_ = inputs
    found = _kernel().bwd(
        u_, delta_, A_, B_, C_, D_, None, bias_, gradient.to(u.dtype).contiguous(), states, None, None, softplus, False
    )
    du, d_delta, dA, dB, dC, dD, d_bias = found[:7]
    return (
        du,
        d_delta.to(delta.dtype),
        dA.to(A.dtype),
        dB.to(B.dtype),
        dC.to(C.dtype),
        None if D is None else dD.to(D.dtype),
        None if delta_bias is None else d_bias.to(delta_bias.dtype),
    )


def _kernel() -> Any:
    import selective_scan_cuda  # pyright: ignore[reportMissingImports]

    return selective_scan_cuda


def _arguments(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, delta_bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, None, Tensor | None]:
    """As the kernel wants them: the length innermost in memory, one dtype of activations, float32 for the rest."""
    line, dtype = torch.contiguous_format, u.dtype
    return (
        u.contiguous(memory_format=line),
        delta.to(dtype).contiguous(),
        A.float().contiguous(),
        B.to(dtype).contiguous(),
        C.to(dtype).contiguous(),
        None if D is None else D.float().contiguous(),
        None,
        None if delta_bias is None else delta_bias.float().contiguous(),
    )
