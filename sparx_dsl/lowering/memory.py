"""Which tensors share memory."""

from __future__ import annotations

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef


def memory_of(tensor: Tensor) -> StorageWeakRef:
    """The memory that a tensor lies in, as a key: two are equal where it is the same, also on the meta device.

    The tensor is of any shape. It does not keep the memory alive, and no later memory is ever equal to it.
    """
    return StorageWeakRef(tensor.untyped_storage())
