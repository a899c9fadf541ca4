"""The bytes of all tensors that were made in a block and are still there: what a training step really holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode


class LiveTensors(TorchDispatchMode):
    """Remembers, weakly, the memory of every tensor that an operator gives within the ``with`` block."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = cast(object, func(*args, **(kwargs or {})))
        for each in cast("list[object]", result) if isinstance(result, tuple | list) else (result,):
            if isinstance(each, Tensor):
                self.sizes[StorageWeakRef(each.untyped_storage())] = each.untyped_storage().nbytes()
        return cast(Any, result)

    def bytes_alive(self) -> int:
        """The bytes that are still held."""
        return sum(size for memory, size in self.sizes.items() if not memory.expired())
