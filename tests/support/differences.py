"""Where two states of training differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch


def differences(one: object, other: object, place: str = "") -> list[str]:
    """Where two values of mappings, sequences, tensors and plain values differ by a single bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [place]
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        pairs, others = cast("Mapping[str, object]", one), cast("Mapping[str, object]", other)
        assert pairs.keys() == others.keys(), place
        return [line for key in pairs for line in differences(pairs[key], others[key], f"{place}.{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        items, others = cast("list[object]", one), cast("list[object]", other)
        return differences(dict(enumerate(items)), dict(enumerate(others)), place)
    return [] if one == other else [place]
