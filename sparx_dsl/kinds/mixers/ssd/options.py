"""Options of the token mixer ``ssd``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sparx_dsl.kinds.attention_heads import Heads, HeadWidth, head_count, head_problems, with_head_count
from sparx_dsl.kinds.mixers.ssd.codes import DUAL_HEAD_WIDTH_NOT_DIVIDING_CHANNELS, DUAL_HEADS_NOT_DIVIDING_CHANNELS
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.roles import MixerOptions

CHUNK: Final = 64
"""Positions of a chunk, within which the scan is one product: the result is the same for any, the price is not."""


class SSD(MixerOptions, frozen=True):
    """The block of Mamba-2 (Dao and Gu 2024) over the map's positions in rows; the layer's norm follows the gate."""

    kind: Literal["ssd"] = "ssd"
    state: Annotated[int, Field(ge=1, le=256)] = 64
    """N, the numbers of state for each channel."""
    expand: Annotated[int, Field(ge=1, le=8)] = 2
    """The scan runs over ``expand`` times the layer's channels, an integer, since each head does too."""
    heads: Heads = None
    """How many heads, each of which has one rate of decay and one time step for a position."""
    head_width: HeadWidth = 32
    """Channels of the layer to a head, where ``heads`` is not given; a head scans ``expand`` times as many."""
    conv: Annotated[int, Field(ge=1, le=31)] = 4
    """Length of the causal depthwise convolution before the scan."""
    bias: bool = False
    """Whether the two projections have a bias."""

    @property
    def projection_bias(self) -> bool:
        """As ``bias`` says."""
        return self.bias

    def inner(self, channels: int) -> int:
        """Channels of the scan."""
        return self.expand * channels

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return head_count(self, channels)

    def parts(self, channels: int) -> tuple[int, int, int]:
        """The channels of the gate, of what the convolution reads (scan, B and C), and of the time steps."""
        inner = self.inner(channels)
        return inner, inner + 2 * self.state, self.head_count(channels)

    def projected(self, channels: int) -> int:
        """The gate, what is scanned with B and C, and a time step for each head."""
        return sum(self.parts(channels))

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads divide the channels equally."""
        codes = (DUAL_HEADS_NOT_DIVIDING_CHANNELS, DUAL_HEAD_WIDTH_NOT_DIVIDING_CHANNELS)
        return head_problems(self, site.channels, codes)

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given."""
        return with_head_count(super().canonical(site), self, site.channels)
