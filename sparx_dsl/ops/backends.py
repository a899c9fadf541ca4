"""The scan's backends: which there are, which work here, and which serves a tensor.

The choice is made by the tensor's device and dtype. One backend can be forced by name, as an argument or by the
environment variable ``SPARX_SCAN_BACKEND``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.ops import pipeline
from sparx_dsl.ops.arguments import FLOATS, SS2DGradients, SS2DInputs

VARIABLE = "SPARX_SCAN_BACKEND"
ORDER = {"cpu": ("cpu", "torch"), "cuda": ("triton", "torch")}
"""The backends that serve a device by default, the first that works; on all other devices it is ``torch``."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """A backend's four functions, which trust that the operators have checked what they get.

    ``ss2d`` and ``ss2d_backward`` are the fused ones where the backend has them.
    """

    scan: pipeline.Scan
    scan_backward: pipeline.ScanBackward
    ss2d: Callable[[SS2DInputs], Tensor]
    ss2d_backward: Callable[[Tensor, SS2DInputs], SS2DGradients]


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to run the scan: its name, its dtypes, and its functions, imported when first used.

    ``problem`` says why it does not work for tensors of a type of device; None where it does.
    """

    name: str
    dtypes: frozenset[torch.dtype]
    problem: Callable[[str], str | None]
    kernels: Callable[[], Kernels]

    def limitation(self, device_type: str, dtype: torch.dtype) -> str | None:
        """Why it can't serve tensors of that device and dtype; None where it can."""
        problem = self.problem(device_type)
        if problem is None and dtype not in self.dtypes:
            return f"it has no {str(dtype).removeprefix('torch.')}"
        return problem


@functools.cache
def backends() -> dict[str, Backend]:
    """All backends by name."""
    low = frozenset({torch.float32, torch.bfloat16})
    every = (
        Backend("reference", FLOATS, _never, _reference),
        Backend("torch", FLOATS, _never, _chunked),
        Backend("cpu", low, _cpu_problem, _cpu),
        Backend("triton", low | {torch.float16}, _triton_problem, _triton),
        Backend("mamba_ssm", low | {torch.float16}, _mamba_problem, _mamba),
    )
    return {backend.name: backend for backend in every}


def choose(device_type: str, dtype: torch.dtype, forced: str = "") -> Backend:
    """The backend that serves tensors of a device (``cpu``, ``cuda``, …) and dtype.

    ``forced``, or else the environment variable, names one to take instead. Raises ``SparxError`` where that one is
    unknown (SPX550) or does not work here, or where there is none for the dtype (SPX551).
    """
    name = forced or forced_backend()
    if name:
        return _forced(name, device_type, dtype)
    for candidate in ORDER.get(device_type, ("torch",)):
        if backends()[candidate].limitation(device_type, dtype) is None:
            return backends()[candidate]
    return _forced("torch", device_type, dtype)


def forced_backend() -> str:
    """The name of the backend that the environment variable forces; empty where it forces none."""
    return os.environ.get(VARIABLE, "")


def named(name: str) -> Backend:
    """The backend of that name; raises ``SparxError`` (SPX550) where there is none."""
    backend = backends().get(name)
    if backend is None:
        hint = did_you_mean(name, backends()) or f"the backends are {', '.join(backends())}"
        raise SparxError(Diagnostic(Code.UNKNOWN_BACKEND, f"unknown backend {name!r} of the scan", help=hint))
    return backend


def _forced(name: str, device_type: str, dtype: torch.dtype) -> Backend:
    backend = named(name)
    limitation = backend.limitation(device_type, dtype)
    if limitation is not None:
        kind = f"{str(dtype).removeprefix('torch.')} on {device_type}"
        message = f"the backend {name!r} does not support {kind}: {limitation}"
        help = "`sparx doctor` lists the backends that work here; without a name, one of them is chosen"
        raise SparxError(Diagnostic(Code.BACKEND_NOT_AVAILABLE, message, help=help))
    return backend


def _over(scan: pipeline.Scan, scan_backward: pipeline.ScanBackward) -> Kernels:
    """The functions of a backend that has no fused SS2D."""
    return Kernels(scan, scan_backward, partial(pipeline.ss2d, scan), partial(pipeline.ss2d_backward, scan_backward))


def _never(device_type: str) -> str | None:
    return None


def _reference() -> Kernels:
    from sparx_dsl.ops import reference

    return _over(reference.scan, reference.scan_backward)


def _chunked() -> Kernels:
    from sparx_dsl.ops import chunked

    return _over(chunked.scan, chunked.scan_backward)


def _cpu() -> Kernels:
    from sparx_dsl.ops.cpu import kernels

    return Kernels(kernels.scan, kernels.scan_backward, kernels.ss2d, kernels.ss2d_backward)


def _cpu_problem(device_type: str) -> str | None:
    from sparx_dsl.ops.cpu import library

    return "it is for tensors on the CPU" if device_type != "cpu" else library.problem()


def _triton() -> Kernels:
    from sparx_dsl.ops.triton_kernels import launch_scan, launch_ss2d

    return Kernels(launch_scan.scan, launch_scan.scan_backward, launch_ss2d.ss2d, launch_ss2d.ss2d_backward)


def _triton_problem(device_type: str) -> str | None:
    from sparx_dsl.ops.triton_kernels import availability

    return availability.problem(device_type)


def _mamba() -> Kernels:
    from sparx_dsl.ops import mamba_ssm

    return _over(mamba_ssm.scan, mamba_ssm.scan_backward)


def _mamba_problem(device_type: str) -> str | None:
    from sparx_dsl.ops import mamba_ssm

    return mamba_ssm.problem(device_type)
