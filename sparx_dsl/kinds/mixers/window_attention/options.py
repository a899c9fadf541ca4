"""Options of the token mixer ``window_attention``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from sparx_dsl.kinds.attention_heads import Heads, HeadWidth, head_count, head_problems, with_head_count
from sparx_dsl.kinds.mixers.codes import HEAD_WIDTH_NOT_DIVIDING_CHANNELS, HEADS_NOT_DIVIDING_CHANNELS
from sparx_dsl.language.base import DropRate, Problem, Site
from sparx_dsl.language.roles import MixerOptions


class WindowAttention(MixerOptions, frozen=True):
    """Self-attention in windows, shifted in every second layer, with a relative position bias (Swin)."""

    kind: Literal["window_attention"] = "window_attention"
    window: Annotated[int, Field(ge=1, le=256)] = 7
    """The side of a window, in positions."""
    heads: Heads = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: HeadWidth = 32
    """Channels of a head, where ``heads`` is not given."""
    shift: bool = True
    """Whether layers of even number shift their windows by half a window."""
    dropout: DropRate = 0.0
    """Rate of dropout behind the output projection, in training."""

    later: ClassVar[frozenset[str]] = frozenset({"dropout"})

    def projected(self, channels: int) -> int:
        """Query, key and value."""
        return 3 * channels

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return head_count(self, channels)

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally."""
        codes = (HEADS_NOT_DIVIDING_CHANNELS, HEAD_WIDTH_NOT_DIVIDING_CHANNELS)
        return head_problems(self, site.channels, codes)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given, and whether this very layer shifts its windows."""
        shift = self.shift and site.number % 2 == 0
        return {**with_head_count(super().canonical(site), self, site.channels), "shift": shift}
