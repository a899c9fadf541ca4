"""Options that several token mixers have in common: those of scans, and of scans over one sequence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import Expansion, times
from sparx_dsl.language.roles import MixerOptions

Rank = Annotated[int, Field(ge=1, le=4096)] | Literal["auto"]


Kernel = Annotated[int, Field(ge=0, le=31)]


class MapMixer(MixerOptions, frozen=True):
    """What the mixers have in common that read the normalised map itself, without an input projection."""

    def projected(self, channels: int) -> int:
        """The map itself."""
        return channels

    @property
    def has_projection(self) -> bool:
        """None."""
        return False


class ScanMixer(MixerOptions, frozen=True):
    """What the three mixers that scan have in common."""

    state: Annotated[int, Field(ge=1, le=256)] = 1
    """N, the numbers of state for each channel."""
    expand: Expansion = 2
    """The scan runs over ``expand`` times the layer's channels."""
    rank: Rank = "auto"
    """R, the rank of the time steps; ``auto`` is ceil(channels / 16)."""

    def inner(self, channels: int) -> int:
        """Channels of the scan."""
        return times(channels, self.expand)

    def time_rank(self, channels: int) -> int:
        """R for a layer of that many channels."""
        return -(-channels // 16) if self.rank == "auto" else self.rank

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the rank as a number."""
        return {**super().canonical(site), "rank": self.time_rank(site.channels)}


OddKernel = Literal[0, 3, 5, 7]
"""The side of a depthwise convolution that keeps a map's size; 0 for none."""


def attention_channels(channels: int) -> int:
    """The hidden channels of an attention over channels: an eighth, one at least."""
    return max(1, channels // 8)


class SequenceMixer(ScanMixer, frozen=True):
    """What the mixers have in common that read the map as one sequence, row by row."""

    state: Annotated[int, Field(ge=1, le=256)] = 16
    """N, the numbers of state for each channel."""
    conv: Kernel = 4
    """Length of the causal depthwise convolution before the scan; 0 for none (and then no SiLU either)."""
    gate: bool = True
    """Whether a second branch, through SiLU, multiplies the scan's result."""
    bias: bool = False
    """Whether the two projections have a bias."""

    @property
    def projection_bias(self) -> bool:
        """As ``bias`` says."""
        return self.bias

    def projected(self, channels: int) -> int:
        """The channels of the scan, and as many for the gate."""
        return self.inner(channels) * (2 if self.gate else 1)
