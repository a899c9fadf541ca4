"""Dynamic Multi-layer Channel Aggregator: how a ganglion layer takes in features (SparX, section 3.1).

Where the paper is silent or differs, this follows the authors' implementation: the scale of the attention
stands before the softmax, and where the query is as large as the input, it takes the input's place in the
final mixing.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from sparx_dsl.kinds.fusions.aggregator import Aggregator, is_channels_last
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.language.base import Site
from sparx_dsl.nn.init import Factory


class ChannelAggregator(Aggregator):
    """DMCA: features are selected, attended to channel by channel, and mixed with the input (equation 1)."""

    def __init__(self, options: DMCA, site: Site, **factory: Unpack[Factory]) -> None:
        ratio = options.spatial_reduction(site)
        super().__init__(site, ratios=(ratio, ratio, 1), shortcut=options.shortcut, **factory)
        self.groups = options.groups
        self.query_replaces_input = ratio == 1

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        key, value = self.select(features)
        query, value = self.query(x), self.value(value)
        # A map of one position cannot be reduced; no other is as small as its reduction.
        replaced = self.query_replaces_input or (x.shape[2] == 1 and x.shape[3] == 1)
        return self.aggregate(query if replaced else x, query, self.key(key), value)

    def aggregate(self, own: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """What is attended to, mixed with the input and the value: (batch, out_channels, height, width).

        own and value (batch, C, height, width), query and key (batch, C, reduced height, reduced width).
        """
        return self.mix(own, attend_to_channels(query, key, value, self.groups), value)


def attend_to_channels(query: Tensor, key: Tensor, value: Tensor, groups: int) -> Tensor:
    """Grouped channel-wise cross-attention (GCCA): within a group, channels attend to channels.

    query and key (batch, C, reduced height, reduced width), value (batch, C, height, width); gives the shape
    of the value.
    """
    queries, keys, values = (torch.unflatten(each.flatten(2), 1, (groups, -1)) for each in (query, key, value))
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-2, -1)
    attended = (scores.softmax(dim=-1) @ values).reshape(value.shape)
    return attended.contiguous(memory_format=torch.channels_last) if is_channels_last(value) else attended
