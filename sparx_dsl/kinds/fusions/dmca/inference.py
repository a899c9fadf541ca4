"""DMCA in inference: on CPU its attention is one kernel, which also interleaves what is mixed."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.inference.packed_weights import nothing_looks_on
from sparx_dsl.kinds.fusions.dmca.module import ChannelAggregator
from sparx_dsl.kinds.fusions.inference import SHARED, FusedAggregator
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import channel_attention


class FusedChannelAggregator(FusedAggregator, ChannelAggregator):
    """``ChannelAggregator`` with GELU fused to its convolutions, and its attention as a kernel where that serves."""

    def aggregate(self, own: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Query and key of a reduced map, the others (batch, C, height, width), to (batch, out_channels, …)."""
        if not (nothing_looks_on(own) and maps.problem(own.dtype) is None and own.dtype == value.dtype):
            return super().aggregate(own, query, key, value)
        attended = channel_attention(query, key, value, own if self.shortcut else None, self.groups)
        return self.project(attended, may_overwrite=True)


INFERENCE = Deployment({**SHARED, ChannelAggregator: ModuleFacts(own_result=True, replacement=FusedChannelAggregator)})
