"""Attention of channels to channels by its definition, one pair of channels after another."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor


def attended_channels(query: Tensor, key: Tensor, value: Tensor, groups: int) -> Tensor:
    """What the channels of a map (batch, channels, height, width) attend to, in the value's dtype and shape.

    query and key (batch, channels, reduced height, reduced width).
    """
    batch, channels, positions = *query.shape[:2], query.shape[2] * query.shape[3]
    scores = torch.einsum("biyx,bjyx->bij", query, key) / positions**0.5
    place = torch.arange(channels) * groups // max(channels, 1)
    weights = scores.masked_fill(place[:, None] != place, float("-inf")).softmax(2)
    return torch.einsum("bij,bjyx->biyx", weights, value.reshape(batch, channels, *value.shape[2:]))


def mixed_channels(own: Tensor, attended: Tensor, value: Tensor) -> Tensor:
    """Three maps (batch, C, height, width) as (batch, 3·C, height, width): every third channel of all, thrice."""
    together = torch.cat((own, attended, value), dim=1)
    return torch.cat([together[:, first::3] for first in range(3)], dim=1)


def channel_attention_arguments(rng: random.Random) -> list[Any]:
    """Arguments of the operator: maps of either dtype, channels-last at times, with the map itself or without."""
    groups, batch = rng.randint(1, 3), rng.randint(0, 3)
    channels, dtype = groups * rng.randint(1, 35), rng.choice([torch.float32, torch.bfloat16])
    small, large = ((batch, channels, rng.randint(1, most), rng.randint(1, most)) for most in (9, 6))

    def some(shape: tuple[int, ...]) -> Tensor:
        made = torch.randn(shape).to(dtype)
        return made.contiguous(memory_format=torch.channels_last) if rng.random() < 0.7 else made

    return [some(small), some(small), some(large), some(large) if rng.random() < 0.6 else None, groups]


def expected_channel_attention(arguments: list[Any]) -> list[Tensor]:
    """What the operator has to return, in float64."""
    query, key, value, own, groups = arguments
    attended = attended_channels(query.double(), key.double(), value.double(), groups)
    return [attended if own is None else mixed_channels(own.double(), attended, value.double())]
