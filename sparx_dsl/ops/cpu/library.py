"""The compiled library beside this file: whether it is there and whole, and its functions.

The C sources see plain memory and nothing of torch, so that building them needs a compiler alone. `arguments.h` has
the same structures. The library asks for OpenMP under the name that torch's own has, so one runtime serves both.

A damaged library would end the process when it is mapped or called, so its size and SHA-256 are compared first with
those that the build recorded beside it.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

NAME = "libsparx_scan.dylib" if sys.platform == "darwin" else "libsparx_scan.so"
RECORD = f"{NAME}.sha256"
"""The file in which the build records the library's size in bytes and its SHA-256."""
LAYOUT = 8
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


class Strided(ctypes.Structure):
    """A tensor of (batch, length, channels) and its strides in elements; that of positions or of channels is 1."""

    _fields_ = [("data", _POINTER), *((name, _LONG) for name in ("sample", "position", "channel"))]


class ScanArguments(ctypes.Structure):
    """The arguments of the scan along one dimension, forward and backward."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "length", "groups", "states", "softplus", "kind", "threads")),
        *((name, Strided) for name in ("u", "delta", "gradient")),
        *((name, _POINTER) for name in ("into", "out", "rate", "bias", "skip", "y", "du")),
        *((name, _POINTER) for name in ("d_delta", "d_into", "d_out", "d_rate", "d_bias", "d_skip")),
    ]


class ConvolutionArguments(ctypes.Structure):
    """The arguments of the convolution without groups."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "height", "width", "apart", "out_channels", "out_height")),
        *((name, _LONG) for name in ("out_width", "rows", "columns", "stride_y", "stride_x", "padding_y")),
        *((name, _LONG) for name in ("padding_x", "activation", "kind", "threads")),
        *((name, _POINTER) for name in ("x", "weight", "bias", "y")),
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


class PlanesArguments(ctypes.Structure):
    """The arguments of the depthwise convolution of channels-first maps, forward and backward."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "height", "width", "kernel", "threads")),
        *((name, _POINTER) for name in ("x", "weight", "bias", "y", "gradient", "dx", "d_weight", "d_bias")),
    ]


class GroupNormArguments(ctypes.Structure):
    """The arguments of the norm over whole maps."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "positions", "kind", "threads")),
        ("epsilon", ctypes.c_double),
        *((name, _POINTER) for name in ("x", "weight", "bias", "y")),
    ]


class WindowAttentionArguments(ctypes.Structure):
    """The arguments of the attention within windows."""

    _fields_ = [
        *(
            (name, _LONG)
            for name in ("batch", "channels", "height", "width", "heads", "window", "shift", "kind", "threads")
        ),
        *((name, _POINTER) for name in ("x", "bias", "y")),
    ]


class ChannelAttentionArguments(ctypes.Structure):
    """The arguments of the attention of channels to channels."""

    _fields_ = [
        *((name, _LONG) for name in ("batch", "channels", "positions", "reduced", "groups", "kind", "threads")),
        *((name, _POINTER) for name in ("query", "key", "value", "own", "y")),
    ]


FUNCTIONS: dict[str, type[ctypes.Structure]] = {
    "scan_forward": ScanArguments,
    "scan_backward": ScanArguments,
    "ss2d_forward": SS2DArguments,
    "ss2d_backward": SS2DArguments,
    "convolution": ConvolutionArguments,
    "depthwise": DepthwiseArguments,
    "group_norm": GroupNormArguments,
    "planes_forward": PlanesArguments,
    "planes_backward": PlanesArguments,
    "window_attention": WindowAttentionArguments,
    "channel_attention": ChannelAttentionArguments,
}
"""The functions of the library by name, and what each is called with."""


def open_library(folder: Path, layout: int = LAYOUT) -> ctypes.CDLL:
    """The library in a folder; raises ``OSError`` that says why it is not there, not whole, or not for this machine."""
    path = folder / NAME
    if not path.exists():
        raise OSError("the package was installed without a C compiler (install gcc or clang, then install it again)")
    fault = _damage(path, folder / RECORD)
    if fault is not None:
        raise OSError(f"{NAME} is not loaded: {fault} (install the package again)")
    try:
        library = ctypes.CDLL(str(path))
        library.sparx_instruction_set.argtypes = []
        for name in FUNCTIONS:
            library[f"sparx_{name}"]  # raises where it is missing
        found = library.sparx_layout()
    except (OSError, AttributeError) as error:
        raise OSError(f"{NAME} cannot be used: {error} (install the package again)") from error
    if found != layout:
        raise OSError(f"{NAME} was compiled from other sources (install the package again)")
    return library


def _damage(path: Path, record: Path) -> str | None:
    """Why a library is not the one that was built; None where its size and SHA-256 are those recorded."""
    try:
        size, digest = record.read_text(encoding="ascii").split()
        found = path.stat().st_size
        if str(found) != size:
            return f"it has {found} bytes instead of {size}"
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return f"its SHA-256 is not the one in {RECORD}"
    except FileNotFoundError:
        return f"{RECORD} is missing beside it"
    except (OSError, ValueError) as error:
        return f"it cannot be compared with {RECORD}: {error}"
    return None


@functools.cache
def _opened() -> ctypes.CDLL | str:
    """The library beside this file, or why it cannot be used."""
    _process()
    try:
        return open_library(Path(__file__).parent)
    except OSError as error:
        return str(error)


@functools.cache
def _process() -> int:
    """The process that opened the library first."""
    return os.getpid()


def threads() -> int:
    """How many threads a kernel works with: as many as torch, and one in a process that was forked from this one.

    There OpenMP would wait for ever for threads that only the parent has.
    """
    return torch.get_num_threads() if os.getpid() == _process() else 1


def load() -> ctypes.CDLL:
    """The library; raises ``RuntimeError`` where it cannot be used, with the reason that ``problem`` returns."""
    opened = _opened()
    if isinstance(opened, str):
        raise RuntimeError(opened)
    return opened


def problem() -> str | None:
    """Why the library cannot be used here; None where it can."""
    opened = _opened()
    return opened if isinstance(opened, str) else None


def address(name: str, tensor: Tensor) -> int:
    """The address of a tensor; ``ValueError`` for one whose numbers are not aligned, which the kernels cannot read.

    The tensor may be of any shape. Only memory from outside of torch, as ``torch.frombuffer`` takes it, can be so.
    """
    found = tensor.data_ptr()
    if found % tensor.element_size():
        raise ValueError(f"{name} is not aligned in memory: pass a copy of it (tensor.clone())")
    return found


def addresses(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """The address of each tensor, of any shape; ``ValueError`` as for ``address``."""
    return {name: address(name, tensor) for name, tensor in tensors.items()}


def strided(maps: Mapping[str, Tensor]) -> dict[str, Strided]:
    """Maps of (batch, channels, length) with their strides; ``ValueError`` as for ``addresses``."""
    found: dict[str, Strided] = {}
    for name, address in addresses(maps).items():
        sample, channel, position = maps[name].stride()
        found[name] = Strided(address, sample, position, channel)
    return found


@functools.cache
def instruction_set() -> int:
    """The number of the best set of instructions of this machine, an index of ``INSTRUCTION_SETS``."""
    return int(load().sparx_instruction_set())


def function(name: str) -> Callable[[ctypes.Structure], None]:
    """The function of that name, for this machine; it raises ``MemoryError`` where it finds no memory for its work."""
    return _function(name, instruction_set())


@functools.cache
def _function(name: str, instructions: int) -> Callable[[ctypes.Structure], None]:
    compiled, reference = load()[f"sparx_{name}"], ctypes.byref
    compiled.argtypes = [ctypes.POINTER(FUNCTIONS[name]), ctypes.c_int]

    def call(arguments: ctypes.Structure) -> None:
        if compiled(reference(arguments), instructions):
            raise MemoryError(f"no memory is left for {name} of the compiled scan")

    return call
