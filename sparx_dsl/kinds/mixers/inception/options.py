"""Options of the token mixer ``inception``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.inception.codes import TOO_FEW_CHANNELS_FOR_BRANCHES
from sparx_dsl.kinds.mixers.options import MapMixer
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.ratios import Ratio

SQUARE: Final = 3
"""The side of the square convolution."""


class InceptionBlock(MapMixer, frozen=True):
    """Depthwise convolutions on parts of the channels, the layer's norm, and an MLP: the block of InceptionNeXt."""

    kind: Literal["inception"] = "inception"
    band: Literal[5, 7, 9, 11, 13, 15] = 11
    """The length of the two convolutions of one row and of one column."""
    branch: Annotated[int, Field(ge=3, le=64)] = 8
    """Each of the three convolutions has one such part of the channels; the rest pass as they are."""
    ratio: Ratio = 4
    """The MLP's hidden channels are this many times the layer's."""

    def problems(self, site: Site) -> Iterator[Problem]:
        """Every branch has a channel."""
        if site.channels < self.branch:
            message = f"1/{self.branch} of {site.channels} channels is less than one channel for each branch"
            help = f"write branch: {site.channels}" if site.channels >= 3 else "give the stage 3 channels or more"
            yield Problem("branch", TOO_FEW_CHANNELS_FOR_BRANCHES, message, f"{help}, or give the stage more channels")
