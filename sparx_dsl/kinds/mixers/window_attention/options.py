"""Options of the token mixer ``window_attention``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.window_attention.codes import HEAD_WIDTH_NOT_DIVIDING_CHANNELS, HEADS_NOT_DIVIDING_CHANNELS
from sparx_dsl.language.base import Problem, Site, divisor_help
from sparx_dsl.language.roles import MixerOptions


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
        """Heads divide the channels equally."""
        if self.heads is not None and site.channels % self.heads:
            yield Problem(
                "heads",
                HEADS_NOT_DIVIDING_CHANNELS,
                f"{self.heads} heads do not divide the {site.channels} channels",
                divisor_help("numbers of heads", site.channels, self.heads),
            )
        if self.heads is None and site.channels % self.head_width:
            yield Problem(
                "head_width",
                HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
                f"heads of width {self.head_width} do not divide the {site.channels} channels",
                divisor_help("widths", site.channels, self.head_width),
            )

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the number of heads, by whichever key it was given, and whether this very layer shifts its windows."""
        shift = self.shift and site.number % 2 == 0
        found = {**super().canonical(site), "heads": self.head_count(site.channels), "shift": shift}
        del found["head_width"]
        return found
