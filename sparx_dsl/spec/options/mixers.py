"""Options of the token mixers: SS2D, SSM, Bi-SSM and shifted-window attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.spec.options.base import KindOptions, Problem, Site, divisor_help

Rank = Annotated[int, Field(ge=1, le=4096)] | Literal["auto"]
Kernel = Annotated[int, Field(ge=0, le=31)]


class MixerOptions(KindOptions, frozen=True):
    """What every token mixer tells the rest of the compiler."""

    def projected(self, channels: int) -> int:
        """Channels of the mixer's input projection, which is also what a fusion in its place must give."""
        raise NotImplementedError

    @property
    def projection_bias(self) -> bool:
        """Whether the input projection (a 1×1 convolution) has a bias."""
        return True


class ScanMixer(MixerOptions, frozen=True):
    """What the three mixers that scan have in common."""

    state: Annotated[int, Field(ge=1, le=256)] = 1
    """N, the numbers of state for each channel."""
    expand: Annotated[int, Field(ge=1, le=8)] = 2
    """The scan runs over ``expand`` times the layer's channels."""
    rank: Rank = "auto"
    """R, the rank of the time steps; ``auto`` is ceil(channels / 16)."""

    def inner(self, channels: int) -> int:
        """Channels of the scan."""
        return self.expand * channels

    def time_rank(self, channels: int) -> int:
        """R for a layer of that many channels."""
        return -(-channels // 16) if self.rank == "auto" else self.rank


class SS2D(ScanMixer, frozen=True):
    """2D selective scan in four directions (VMamba), without a gate.

    Projection to ``expand``·C, depthwise ``conv`` × ``conv``, SiLU, the scans, the layer's norm, projection to C.
    """

    kind: Literal["ss2d"] = "ss2d"
    conv: Kernel = 3
    """Side of the depthwise convolution before the scan, odd; 0 for none."""
    bias: bool = True
    """Whether the two projections and the depthwise convolution have a bias."""

    @property
    def projection_bias(self) -> bool:
        """As ``bias`` says."""
        return self.bias

    def projected(self, channels: int) -> int:
        """The channels of the scan."""
        return self.inner(channels)

    def problems(self, site: Site) -> Iterator[Problem]:
        """The kernel has a middle."""
        if self.conv and self.conv % 2 == 0:
            yield Problem(
                "conv",
                "SPX210",
                f"a depthwise kernel of {self.conv} has no middle, so the map would change its size",
                f"write {self.conv - 1} or {self.conv + 1}, or 0 for no convolution",
            )


class SequenceMixer(ScanMixer, frozen=True):
    """What SSM and Bi-SSM have in common: the map is read as one sequence, row by row."""

    state: Annotated[int, Field(ge=1, le=256)] = 16
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


class SSM(SequenceMixer, frozen=True):
    """The vanilla Mamba block (Gu and Dao 2024) over the map's positions in rows."""

    kind: Literal["ssm"] = "ssm"


class BiSSM(SequenceMixer, frozen=True):
    """Vim's bidirectional block (v2): a second scan with weights of its own reads the sequence backwards."""

    kind: Literal["bi_ssm"] = "bi_ssm"
    halve: bool = False
    """Whether the sum of the two directions is halved."""


class WindowAttention(MixerOptions, frozen=True):
    """Self-attention in windows, shifted in every second layer, with a relative position bias (Swin)."""

    kind: Literal["window_attention"] = "window_attention"
    window: Annotated[int, Field(ge=1, le=256)] = 7
    heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """How many heads; by default as many heads of ``head_width`` channels as there are."""
    head_width: Annotated[int, Field(ge=1, le=4096)] = 32
    shift: bool = True
    """Whether layers of even number shift their windows by half a window."""

    def projected(self, channels: int) -> int:
        """Query, key and value."""
        return 3 * channels

    def head_count(self, channels: int) -> int:
        """How many heads a layer of that many channels has."""
        return self.heads if self.heads is not None else channels // self.head_width

    def problems(self, site: Site) -> Iterator[Problem]:
        """Heads share the channels out evenly."""
        if self.heads is not None and site.channels % self.heads:
            yield Problem(
                "heads",
                "SPX211",
                f"{self.heads} heads do not divide the {site.channels} channels",
                divisor_help("numbers of heads", site.channels, self.heads),
            )
        if self.heads is None and site.channels % self.head_width:
            yield Problem(
                "head_width",
                "SPX212",
                f"heads of width {self.head_width} do not divide the {site.channels} channels",
                divisor_help("widths", site.channels, self.head_width),
            )
