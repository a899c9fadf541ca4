"""Options of the downsampling ``none``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sparx_dsl.kinds.downsamples.none.codes import WIDTH_CHANGES
from sparx_dsl.language.base import Problem, Site
from sparx_dsl.language.roles import DownsampleOptions


class NoDownsample(DownsampleOptions, frozen=True):
    """No downsampling: the stage takes the last map of the stage before as it is, size and channels."""

    kind: Literal["none"] = "none"

    @property
    def total_stride(self) -> int:
        """The map keeps its size."""
        return 1

    def problems(self, site: Site) -> Iterator[Problem]:
        """Both stages have as many channels."""
        if site.channels != site.out_channels:
            message = (
                f"without a downsampling both stages have as many channels, got {site.channels} and {site.out_channels}"
            )
            help = f"write {{kind: conv, stride: 1}}, or give both {site.channels} channels"
            yield Problem("kind", WIDTH_CHANGES, message, help)
