"""Whether Triton's interpreter runs here, which it does not with every version of numpy."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import functools
from importlib.metadata import version

import triton
from triton.runtime.errors import InterpreterError


@triton.jit
def _count(times):
    """Loop as often as an argument says, as every kernel of the scan does, and read and write nothing."""
    for _ in range(times):
        pass


@functools.cache
def problem() -> str | None:
    """Why the interpreter does not run a kernel here; None if it does. To be asked only under TRITON_INTERPRET=1."""
    try:
        _count[(1,)](1)
    except InterpreterError as error:
        # Triton before 3.7 reads the ends of loops in a way that numpy refuses from 2.4 on.
        return (
            f"Triton {triton.__version__} does not interpret kernels with numpy {version('numpy')} ({error}); "
            "before 3.7 it needs numpy below 2.4"
        )
    return None
