"""Runs in a process of its own for the tests of kernels, since Triton decides at import whether it interprets."""

# Triton and kernels written in it have no types.
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import warnings
from typing import Any

ACTIVATIONS = {"x", "projected", "sums", "gradient", "x_gradients", "u", "delta", "B", "C", "y", "u_gradient",
               "delta_gradient"}  # fmt: skip
"""The kernels' pointers to activations; their other pointers are to float32."""


def packed(value: Any) -> bytes:
    """Tensors, with their strides, as bytes."""
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def unpacked(text: bytes) -> Any:
    """What ``packed`` packed."""
    import torch

    return torch.load(io.BytesIO(text), weights_only=True)


def interpreted(function: str, arguments: bytes, blocks: tuple[int, int, int, int] | None = None) -> bytes:
    """Call one of the backend's functions in Triton's interpreter, the fused ones with those blocks if any."""
    import torch

    from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
    from sparx_dsl.ops.triton_kernels.blocks import Blocks
    from sparx_dsl.ops.triton_kernels.launch_scan import scan, scan_backward
    from sparx_dsl.ops.triton_kernels.launch_ss2d import ss2d, ss2d_backward

    torch.set_num_threads(1)
    # Numpy's, of overflow for one: nothing that is thrown away later should overflow either.
    warnings.simplefilter("error", RuntimeWarning)
    given, options = unpacked(arguments), {} if blocks is None else {"blocks": Blocks(*blocks)}
    match function:
        case "scan":
            return packed(scan(ScanInputs(*given)))
        case "scan_backward":
            return packed(scan_backward(given[0], ScanInputs(*given[1:])))
        case "ss2d":
            return packed(ss2d(SS2DInputs(*given), **options))
        case _:
            return packed(ss2d_backward(given[0], SS2DInputs(*given[1:]), **options))


def interpreter_fault() -> str | None:
    """What Triton's interpreter fails with on two lines that read the end of a loop from an argument; None if it runs.

    Triton before 3.7 does so with numpy from 2.4 on, which no longer makes a number of an array of one element.
    """
    import numpy as np
    import triton
    from triton.runtime.errors import InterpreterError

    @triton.jit
    def count(times: Any) -> None:
        for _ in range(times):
            pass

    try:
        count[(1,)](1)
    except InterpreterError as error:
        return f"Triton {triton.__version__} with numpy {np.__version__}: {error}"
    return None


def problem(device_type: str) -> str | None:
    """The backend's own word on whether it runs in this process."""
    from sparx_dsl.ops.triton_kernels import availability

    return availability.problem(device_type)


def compiled(kernel: str, capability: int, dtype: str, constants: dict[str, Any]) -> tuple[int, int]:
    """Compile a kernel for a GPU that need not be here: bytes of the machine code, and of its shared memory."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from sparx_dsl.ops.triton_kernels.scan_backward import scan_backward
    from sparx_dsl.ops.triton_kernels.scan_forward import scan_forward
    from sparx_dsl.ops.triton_kernels.ss2d_backward import walk_backward
    from sparx_dsl.ops.triton_kernels.ss2d_forward import walk_forward

    kernels = {"scan_forward": scan_forward, "scan_backward": scan_backward, "walk_forward": walk_forward,
               "walk_backward": walk_backward}  # fmt: skip
    function = kernels[kernel]
    known = {name: value for name, value in constants.items() if name in function.arg_names}
    pointers = set(function.arg_names[: function.arg_names.index("length")])
    types = {
        name: "constexpr" if name in known
        else f"*{dtype}" if name in ACTIVATIONS
        else "*fp32" if name in pointers
        else "i32"
        for name in function.arg_names
    }  # fmt: skip
    places = {(function.arg_names.index(name),): value for name, value in known.items()}
    # As for tensors that torch allocates, and channels in multiples of 16.
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, parameter in enumerate(function.params)
        if (parameter.name in pointers or parameter.name in ("inner", "channels"))
        and not parameter.do_not_specialize_on_alignment
    }
    source = ASTSource(function, signature=types, constexprs=places, attrs=aligned)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 1})
    return len(made.asm["cubin"]), made.metadata.shared
