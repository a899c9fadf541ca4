"""How channels lie in a kind's tensors, so that values can be taken over where widths differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Blocks:
    """An axis of equal blocks, one behind the other, each of which begins with the channels of a narrower one."""

    count: int = 1
    tail: int = 0
    """How many places at the end belong to no block, and are the same at every width."""


SliceBlocks = Mapping[str, Mapping[int, Blocks | None]]
"""For tensors, or for all of a module, by their paths within the kind's module: axes that are more than one block.

None is an axis that holds no channels, and is only taken over whole.
"""
BlocksOf = Callable[[Any], SliceBlocks]
"""Called with a kind's options; see ``KindCheckpoint.blocks``."""

MIXER_INPUT: Final = Blocks(count=0)
"""The axis of a fusion's result, whose blocks are those that the mixer of its layer reads."""


def one_block(options: Any) -> SliceBlocks:
    """The blocks of a kind in whose tensors every axis is one."""
    del options
    return {}
