"""Whether the Triton kernels run here."""

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportUnknownArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import functools
import importlib.util

import torch

OLDEST_CAPABILITY = (8, 0)
"""CUDA devices from Ampere on: the oldest for which the kernels are compiled in the tests."""

AMD_ARCHITECTURES = ("gfx90a", "gfx942")
"""AMD's devices that the kernels are compiled for in the tests; PyTorch calls their type cuda, too."""


def problem(device_type: str) -> str | None:
    """Why the kernels do not run here on tensors of that device type; None if they do.

    On CUDA they run natively; on the CPU in Triton's interpreter, slowly, if the environment variable
    TRITON_INTERPRET=1 was set before the kernels were imported.
    """
    # What compiles for CUDA needs Triton itself; and Dynamo warns of kept answers that it would look into.
    if not torch.compiler.is_compiling() and not _installed():
        return "triton is not installed (pip install 'sparx_dsl[triton]')"
    from sparx_dsl.ops.triton_kernels import tile

    if not tile.COMPILED:
        from sparx_dsl.ops.triton_kernels import interpreter

        if device_type not in ("cpu", "cuda"):
            return f"the kernels do not support {device_type!r}"
        return interpreter.problem()
    if device_type != "cuda":
        return f"the kernels run on CUDA, not on {device_type!r}; TRITON_INTERPRET=1 runs them, slowly, on the CPU"
    if not torch.cuda.is_available():
        return "no CUDA device is available"
    if torch.version.hip is not None:
        name = str(torch.cuda.get_device_properties().gcnArchName).partition(":")[0]
        known = name in AMD_ARCHITECTURES
        return None if known else f"the device is {name}: the kernels are for {' and '.join(AMD_ARCHITECTURES)}"
    capability = torch.cuda.get_device_capability()
    if capability < OLDEST_CAPABILITY:
        return f"the CUDA device's capability is {capability[0]}.{capability[1]}, and 8.0 is the least"
    return None


@functools.cache
def _installed() -> bool:
    """Whether Triton can be imported; the search takes longer than a launch, so its answer is kept."""
    return importlib.util.find_spec("triton") is not None
