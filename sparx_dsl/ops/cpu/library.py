"""The compiled library beside this file: whether it is there, and its functions.

The C sources see plain memory and nothing of torch, so that building them needs a compiler alone. `arguments.h` has
the same structures. The library asks for OpenMP under the name that torch's own has, so one runtime serves both.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path

NAME = "libsparx_scan.dylib" if sys.platform == "darwin" else "libsparx_scan.so"
LAYOUT = 3
"""The layout of arguments that this module knows, as `arguments.h` has it."""
INSTRUCTION_SETS = ("the compiler's defaults", "AVX2", "AVX-512", "AVX-512 with bfloat16")
"""What the number of a set stands for."""

_LONG, _POINTER = ctypes.c_long, ctypes.c_void_p


class SS2DArguments(ctypes.Structure):
    """The arguments of SS2D, forward and backward."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "height", "width", "rank", "states", "kind", "threads")),
        *((name, _POINTER) for name in ("x", "projected", "weight", "bias", "rate", "skip", "y", "gradient", "dx")),
        *((name, _POINTER) for name in ("d_projected", "d_weight", "d_bias", "d_rate", "d_skip")),
    ]


class ScanArguments(ctypes.Structure):
    """The arguments of the scan along one dimension, forward and backward."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "length", "groups", "states", "softplus", "kind", "threads")),
        *((name, _POINTER) for name in ("u", "delta", "into", "out", "rate", "bias", "skip", "y", "gradient", "du")),
        *((name, _POINTER) for name in ("d_delta", "d_into", "d_out", "d_rate", "d_bias", "d_skip")),
    ]


class DepthwiseArguments(ctypes.Structure):
    """The arguments of the depthwise convolution."""

    _fields_ = [
        *(
            (name, _LONG)
            for name in ("batch", "channels", "height", "width", "kernel", "activation", "kind", "threads")
        ),
        *((name, _POINTER) for name in ("x", "weight", "bias", "y")),
    ]


class GroupNormArguments(ctypes.Structure):
    """The arguments of the norm over whole maps."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "positions", "kind", "threads")),
        ("epsilon", ctypes.c_double),
        *((name, _POINTER) for name in ("x", "weight", "bias", "y")),
    ]


FUNCTIONS: dict[str, type[ctypes.Structure]] = {
    "scan_forward": ScanArguments,
    "scan_backward": ScanArguments,
    "ss2d_forward": SS2DArguments,
    "ss2d_backward": SS2DArguments,
    "depthwise": DepthwiseArguments,
    "group_norm": GroupNormArguments,
}
"""The functions of the library by name, and what each is called with."""


@functools.cache
def load() -> ctypes.CDLL | None:
    """The library, or None where it was not built or can't be loaded; ``problem`` then says why."""
    path = Path(__file__).with_name(NAME)
    try:
        library = ctypes.CDLL(str(path))
        library.sparx_instruction_set.argtypes = []
        for name in FUNCTIONS:
            library[f"sparx_{name}"]  # raises where it is missing
        return library if library.sparx_layout() == LAYOUT else None
    except (OSError, AttributeError):
        return None


def problem() -> str | None:
    """Why the library can't be used here; None where it can."""
    if load() is not None:
        return None
    if not Path(__file__).with_name(NAME).exists():
        return "the package was installed without a C compiler (install gcc or clang, then install it again)"
    return "the compiled library can't be used: it is damaged, or of another machine or other sources (install again)"


@functools.cache
def instruction_set() -> int:
    """The number of the best set of instructions of this machine, an index of ``INSTRUCTION_SETS``."""
    library = load()
    assert library is not None
    return int(library.sparx_instruction_set())


def function(name: str) -> Callable[[ctypes.Structure], None]:
    """The function of that name, for this machine; it raises ``MemoryError`` where it finds no memory for its work."""
    return _function(name, instruction_set())


@functools.cache
def _function(name: str, instructions: int) -> Callable[[ctypes.Structure], None]:
    library = load()
    assert library is not None
    compiled, reference = library[f"sparx_{name}"], ctypes.byref
    compiled.argtypes = [ctypes.POINTER(FUNCTIONS[name]), ctypes.c_int]

    def call(arguments: ctypes.Structure) -> None:
        if compiled(reference(arguments), instructions):
            raise MemoryError(f"no memory is left for {name} of the compiled scan")

    return call
