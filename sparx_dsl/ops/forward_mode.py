"""Derivatives in forward mode (``torch.func.jvp``), which compiled code has none of and must not lose in silence."""

from __future__ import annotations

from torch import Tensor
from torch.autograd.forward_ad import unpack_dual  # pyright: ignore[reportUnknownVariableType]


def has_tangent(tensor: Tensor) -> bool:
    """Whether a derivative in forward mode is carried along with a tensor of any shape."""
    return unpack_dual(tensor).tangent is not None


def refuse_tangents(*tensors: Tensor | None) -> None:
    """Raise ``NotImplementedError`` where a tensor of any shape has a tangent: what follows would drop it."""
    if any(tensor is not None and has_tangent(tensor) for tensor in tensors):
        raise NotImplementedError("the scan has no derivative in forward mode; ask for it in reverse mode")
