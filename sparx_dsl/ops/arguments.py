"""The arguments of the two scans, and the checks that every operator makes before a backend sees a tensor.

Kernels get addresses and trust the shapes they are given, so nothing may reach them unchecked: the operators check
in their own bodies and in their fake implementations, and no caller needs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

FLOATS = frozenset({torch.float64, torch.float32, torch.bfloat16, torch.float16})
"""The dtypes that tensors may have; a backend may serve fewer."""
DIRECTIONS = 4
"""The walks of SS2D over a map: by rows, by columns, and both reversed."""


class ScanInputs(NamedTuple):
    """The arguments of ``torch.ops.sparx_dsl.selective_scan``.

    Shapes: u and delta (batch, channels, length); A (channels, N); B and C (batch, groups, N, length); D and
    delta_bias (channels,).
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None = None
    delta_bias: Tensor | None = None
    softplus: bool = True

    def tensors(self) -> dict[str, Tensor | None]:
        """The tensors by name, in the shapes above."""
        return dict(zip(self._fields[:-1], self[:-1], strict=True))

    def check(self) -> None:
        """Raise ``ValueError`` where shapes, dtypes, devices or layouts do not match."""
        batch, channels, length = sizes("u", self.u, ("batch", "channels", "length"))
        _, groups, state, _ = sizes("B", self.B, ("batch", "groups", "N", "length"))
        require("u", self.u, (batch, channels, length), self.u)
        require("delta", self.delta, (batch, channels, length), self.u)
        require("A", self.A, (channels, state), self.u)
        require("B", self.B, (batch, groups, state, length), self.u)
        require("C", self.C, (batch, groups, state, length), self.u)
        if self.D is not None:
            require("D", self.D, (channels,), self.u)
        if self.delta_bias is not None:
            require("delta_bias", self.delta_bias, (channels,), self.u)
        if groups == 0 or channels % groups:
            raise ValueError(
                f"{channels} channels cannot be divided into {groups} equal groups: the groups of B and C must divide "
                "the channels of u"
            )


class SS2DInputs(NamedTuple):
    """The arguments of ``torch.ops.sparx_dsl.ss2d_scan``.

    Shapes: x (batch, inner, height, width); projected (batch, height, width, 4·(R + 2N)); dt_weight (4, inner, R);
    dt_bias (4, inner); A (4·inner, N); D (4·inner,).
    """

    x: Tensor
    projected: Tensor
    dt_weight: Tensor
    dt_bias: Tensor
    A: Tensor
    D: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name, in the shapes above."""
        return self._asdict()

    def check(self) -> None:
        """Raise ``ValueError`` where shapes, dtypes, devices or layouts do not match."""
        batch, inner, height, width = sizes("x", self.x, ("batch", "inner", "height", "width"))
        rank = sizes("dt_weight", self.dt_weight, ("4", "inner", "R"))[2]
        state = sizes("A", self.A, ("4·inner", "N"))[1]
        require("x", self.x, (batch, inner, height, width), self.x)
        require("projected", self.projected, (batch, height, width, DIRECTIONS * (rank + 2 * state)), self.x)
        require("dt_weight", self.dt_weight, (DIRECTIONS, inner, rank), self.x)
        require("dt_bias", self.dt_bias, (DIRECTIONS, inner), self.x)
        require("A", self.A, (DIRECTIONS * inner, state), self.x)
        require("D", self.D, (DIRECTIONS * inner,), self.x)


ScanGradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
"""The gradients of the seven tensors of ``ScanInputs``, in their shapes and dtypes; None for one that is not there."""
SS2DGradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""The gradients of the six tensors of ``SS2DInputs``, in their shapes and dtypes."""


def given(name: str, tensor: Tensor | None) -> Tensor:
    """The tensor, of any shape; ``ValueError`` for None, which PyTorch lets through where a schema has a tensor."""
    if tensor is None:
        raise ValueError(f"{name} is None: a tensor is required")
    return tensor


def sizes(name: str, tensor: Tensor | None, dimensions: tuple[str, ...]) -> torch.Size:
    """The shape of a tensor; ``ValueError`` where it is None or has another number of dimensions."""
    tensor = given(name, tensor)
    if tensor.dim() != len(dimensions):
        wanted = f"{len(dimensions)} dimensions are required: ({', '.join(dimensions)})"
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, but {wanted}")
    return tensor.shape


def require(name: str, tensor: Tensor | None, shape: tuple[int, ...], first: Tensor) -> None:
    """Raise ``ValueError`` unless it is a strided float tensor of that shape on the device of the first argument."""
    tensor = given(name, tensor)
    if tensor.shape != shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, but the other arguments require {tuple(shape)}")
    if tensor.dtype not in FLOATS:
        raise ValueError(f"{name} has dtype {tensor.dtype}: convert it to a floating dtype of at most 64 bits")
    if tensor.device != first.device:
        raise ValueError(f"{name} is on {tensor.device}, but the first argument on {first.device}: move one of them")
    if tensor.layout is not torch.strided:
        raise ValueError(f"{name} has the layout {tensor.layout}: convert it with .to_dense()")


ADDRESSABLE = 1 << 47
"""Bytes of memory that a process can name at most."""


def require_memory(tensors: Mapping[str, Tensor | None]) -> None:
    """Raise ``ValueError`` for a strided tensor, of any shape, whose storage ends before its last element does, or that
    would not fit into any memory.

    ``untyped_storage().resize_(0)`` leaves such tensors: sharded training frees parameters by it. Fake tensors, which
    have no memory, are not for this check. An expanded tensor repeats few elements as often as it likes: beyond what a
    process can name no result has room, and sums over it never end.
    """
    for name, tensor in tensors.items():
        if tensor is not None and tensor.numel() * tensor.element_size() > ADDRESSABLE:
            raise ValueError(f"{name} has {tensor.numel():,} elements, more than memory holds: pass a smaller tensor")
        if tensor is not None and not has_memory(tensor):
            required, found = _span(tensor)[1], tensor.untyped_storage().nbytes()
            raise ValueError(
                f"{name} requires {required} bytes of its storage, which has {found}: the memory was freed, "
                "fill the tensor again before the call"
            )


def has_memory(tensor: Tensor) -> bool:
    """What ``require_memory`` asks of a tensor of any shape."""
    return not tensor.numel() or tensor.untyped_storage().nbytes() >= _span(tensor)[1]


def require_no_overlap(written: Tensor, read: Mapping[str, Tensor]) -> None:
    """Raise ``ValueError`` where a tensor that is read lies in the memory of one that is written, of any shapes."""
    start = written.untyped_storage().data_ptr()
    first, end = _span(written)
    for name, tensor in read.items():
        base = tensor.untyped_storage().data_ptr()
        begin, last = _span(tensor)
        if tensor.numel() and base + begin < start + end and start + first < base + last:
            raise ValueError(f"{name} shares memory with the map that is overwritten: pass {name}.clone()")


def _span(tensor: Tensor) -> tuple[int, int]:
    """The bytes of its storage between which a tensor of some elements lies."""
    first, size = int(tensor.storage_offset()), tensor.element_size()
    if tensor.is_contiguous() or tensor.is_contiguous(memory_format=torch.channels_last):
        return first * size, (first + tensor.numel()) * size
    last = first + sum((count - 1) * stride for count, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return first * size, (last + 1) * size
