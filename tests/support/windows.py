"""Attention within windows by its definition: every position of a map beside every other, and which two attend."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import maps


def attended(x: Tensor, bias: Tensor, window: int, shift: int) -> Tensor:
    """What windows of query, key and value (batch, 3·channels, height, width) attend to, in x's dtype.

    bias (heads, window², window²); gives (batch, channels, height, width).
    """
    batch, channels, height, width = x.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    # Windows begin at the shift; what is above or left of it lies in those at the other end, by itself.
    row, column = ((at.flatten() - shift) % (side + -side % window) for at, side in ((rows, height), (columns, width)))
    window_of = torch.stack([row // window, column // window, rows.flatten() < shift, columns.flatten() < shift])
    together = (window_of[:, :, None] == window_of[:, None, :]).all(0)
    place = row % window * window + column % window
    parts = x.reshape(batch, 3, len(bias), channels // (3 * len(bias)), height * width)
    query, key, value = parts.unbind(1)
    scores = query.transpose(2, 3) @ key * query.shape[2] ** -0.5 + bias[:, place][:, :, place].to(x.dtype)
    weights = scores.masked_fill(~together, float("-inf")).softmax(3)
    return (value @ weights.transpose(2, 3)).reshape(batch, channels // 3, height, width)


def window_arguments(rng: random.Random) -> list[Any]:
    """Arguments of the operator: a channels-last map in either dtype, heads of odd widths, windows larger than it."""
    heads, window = rng.randint(1, 3), rng.randint(1, 5)
    shape = rng.randint(0, 2), rng.randint(1, 7), rng.randint(1, 7), 3 * heads * rng.randint(1, 19)
    x = torch.randn(shape).to(rng.choice([torch.float32, torch.bfloat16])).permute(0, 3, 1, 2)
    bias = maps.packed_bias(torch.randn(heads, window**2, window**2))
    return [x, bias, heads, window, rng.randrange(window)]


def expected_windows(arguments: list[Any]) -> list[Tensor]:
    """What the operator has to return, in float64."""
    x, bias, _, window, shift = arguments
    return [attended(x.double(), bias[:, :, : window**2].double(), window, shift)]
