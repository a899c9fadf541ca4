"""Derivatives in forward mode (``torch.func.jvp``), which compiled code has none of and must not lose in silence."""

from __future__ import annotations

from torch import Tensor
from torch.autograd import forward_ad


def has_tangent(tensor: Tensor) -> bool:
    """Whether a derivative in forward mode is carried along with a tensor of any shape."""
    # Asked before every kernel, and outside of a level nothing carries any: that is seen in a fraction of the time.
    if forward_ad._current_level < 0:  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
        return False
    return forward_ad.unpack_dual(tensor).tangent is not None  # pyright: ignore[reportUnknownMemberType]


def refuse_tangents(*tensors: Tensor | None) -> None:
    """Raise ``NotImplementedError`` where a tensor of any shape has a tangent: what follows would drop it."""
    if any(tensor is not None and has_tangent(tensor) for tensor in tensors):
        raise NotImplementedError("the scan has no derivative in forward mode; ask for it in reverse mode")
