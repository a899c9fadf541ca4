"""Multi-head attention of the positions of a map to tokens."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def attend_to_positions(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Multi-head attention of every position of a map to the tokens, scaled by 1/sqrt(channels of a head).

    query (batch, C, height, width), keys and values (batch, C, tokens); gives the shape of the query. A head has
    C/heads consecutive channels.
    """
    # Fused attention needs the channels of a head contiguous.
    own, others, contents = (
        torch.unflatten(each, 1, (heads, -1)).transpose(-2, -1).contiguous()
        for each in (query.flatten(2), keys, values)
    )
    attended = functional.scaled_dot_product_attention(own, others, contents)
    return attended.transpose(-2, -1).reshape(query.shape)
