"""DMCA in inference: on CPU its attention is one kernel, which also interleaves what is mixed."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, ModuleFacts, Place
from sparx_dsl.inference.packed_weights import is_compiled_plainly, nothing_looks_on
from sparx_dsl.kinds.fusions.dmca.module import ChannelAggregator
from sparx_dsl.kinds.fusions.inference import SHARED, FusedAggregator
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import channel_attention


class FusedChannelAggregator(FusedAggregator, ChannelAggregator):
    """``ChannelAggregator`` with GELU fused to its convolutions, and its attention as a kernel where that serves."""

    def __init__(self, fusion: ChannelAggregator, place: Place) -> None:
        super().__init__(fusion, place)
        self.find_kernels()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self.find_kernels()

    def find_kernels(self) -> None:
        """Note for which dtypes this machine has kernels: compilers cannot ask."""
        self.served = tuple(dtype for dtype in maps.KINDS if maps.problem(dtype) is None)

    def aggregate(self, own: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Query and key of a reduced map, the others (batch, C, height, width), to (batch, out_channels, …)."""
        plain = nothing_looks_on(own) or is_compiled_plainly(own, query, key, value)
        if not (plain and own.dtype in self.served and own.dtype == value.dtype):
            return super().aggregate(own, query, key, value)
        attended = channel_attention(query, key, value, own if self.shortcut else None, self.groups)
        return self.project(attended, may_overwrite=True)


INFERENCE = Deployment({**SHARED, ChannelAggregator: ModuleFacts(own_result=True, replacement=FusedChannelAggregator)})
