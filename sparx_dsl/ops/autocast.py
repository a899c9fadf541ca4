"""The scans under autocast: activations keep their dtype, the widest of them; every backend's state is float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def scan_in_widest(
    scan: Callable[..., Tensor], u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, *others: Any
) -> Tensor:
    """A selective scan of activations in the widest of their dtypes; the result in the dtype and of the shape of u.

    Shapes as in ``ScanInputs``.
    """
    with torch.autocast(u.device.type, enabled=False):
        wide, steps, into, out = _widest([u, delta, B, C])
        return scan(wide, steps, A, into, out, *others).to(u.dtype)


def ss2d_in_widest(scan: Callable[..., Tensor], x: Tensor, projected: Tensor, *others: Any) -> Tensor:
    """A scan of a map in the wider dtype of x and what is projected from it; the result in the dtype and shape of x.

    Shapes as in ``SS2DInputs``.
    """
    with torch.autocast(x.device.type, enabled=False):
        wide, values = _widest([x, projected])
        return scan(wide, values, *others).to(x.dtype)


def _widest(tensors: Sequence[Tensor]) -> list[Tensor]:
    dtype = tensors[0].dtype
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(dtype) for tensor in tensors]
