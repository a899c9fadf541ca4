"""Options that the mixers that attend to all of a map have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sparx_dsl.kinds.attention_heads import Heads, HeadWidth, head_count, head_problems, with_head_count
from sparx_dsl.kinds.mixers.codes import HEAD_WIDTH_NOT_DIVIDING_CHANNELS, HEADS_NOT_DIVIDING_CHANNELS
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.roles import MixerOptions


class GlobalAttentionOptions(MixerOptions, frozen=True):
    """Heads, and whether the projections to query, key and value have a bias."""

    heads: Heads = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: HeadWidth = 64
    """Channels of a head, where ``heads`` is not given."""
    qkv_bias: bool = True
    """Whether the projections to query, key and value have a bias."""

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return head_count(self, channels)

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally."""
        codes = (HEADS_NOT_DIVIDING_CHANNELS, HEAD_WIDTH_NOT_DIVIDING_CHANNELS)
        return head_problems(self, site.channels, codes)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given."""
        return with_head_count(super().canonical(site), self, site.channels)
