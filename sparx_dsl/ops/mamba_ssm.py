"""The backend ``mamba_ssm``: the CUDA kernel of the package mamba-ssm, where that is installed with one.

Since version 2.3 its default build has no kernel for this scan. It is used only where it is asked for by name.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from torch import Tensor

from sparx_dsl.ops.arguments import ScanGradients, ScanInputs

MOST_STATES = 256
"""The most states of the kernel."""


def problem(device_type: str) -> str | None:
    """Why it can't be used for tensors of that type of device; None where it can."""
    if device_type != "cuda":
        return "its kernel is for CUDA only"
    if importlib.util.find_spec("mamba_ssm") is None:
        return "the package mamba-ssm is not installed (pip install 'sparx_dsl[mamba]')"
    if importlib.util.find_spec("selective_scan_cuda") is None:
        return "mamba-ssm was installed without its kernel (its build needs MAMBA_KEEP_CUDA_BUILD=TRUE and nvcc)"
    return None


def scan(inputs: ScanInputs) -> Tensor:
    """The selective scan: (batch, channels, length), channels-last.

    Raises ``ValueError`` for more states than the kernel has, ``MOST_STATES``.
    """
    given = _arguments(inputs)
    y = _kernel().fwd(*given, inputs.softplus)[0]
    return y.transpose(1, 2).contiguous().transpose(1, 2)


def scan_backward(gradient: Tensor, inputs: ScanInputs) -> ScanGradients:
    """The gradients of the scan's seven tensors, in their shapes and dtypes, from y's (batch, channels, length)."""
    given = _arguments(inputs)
    states = _kernel().fwd(*given, inputs.softplus)[1]
    found = _kernel().bwd(*given, gradient.to(inputs.u.dtype).contiguous(), states, None, None, inputs.softplus, False)
    du, d_delta, dA, dB, dC, dD, d_bias = found[:7]
    D, delta_bias = inputs.D, inputs.delta_bias
    return (
        du,
        d_delta.to(inputs.delta.dtype),
        dA.to(inputs.A.dtype),
        dB.to(inputs.B.dtype),
        dC.to(inputs.C.dtype),
        None if D is None else dD.to(D.dtype),
        None if delta_bias is None else d_bias.to(delta_bias.dtype),
    )


def _kernel() -> Any:
    import selective_scan_cuda  # pyright: ignore[reportMissingImports]

    return selective_scan_cuda


def _arguments(inputs: ScanInputs) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, None, Tensor | None]:
    """As the kernel takes them: contiguous, the activations in u's dtype, the rest (and no gate) in float32."""
    u, delta, A, B, C, D, delta_bias, _ = inputs
    if A.shape[1] > MOST_STATES:
        raise ValueError(f"mamba-ssm's kernel has at most {MOST_STATES} states, got {A.shape[1]}: use another backend")
    activations = [each.to(u.dtype).contiguous() for each in (u, delta, B, C)]
    return (
        activations[0],
        activations[1],
        A.float().contiguous(),
        activations[2],
        activations[3],
        None if D is None else D.float().contiguous(),
        None,
        None if delta_bias is None else delta_bias.float().contiguous(),
    )
