"""Options of the token mixer ``local_ss2d``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.local_ss2d.codes import UNKNOWN_DIRECTION
from sparx_dsl.kinds.mixers.local_ss2d.directions import ScanOrder, scan_order
from sparx_dsl.kinds.mixers.options import OddKernel, ScanMixer
from sparx_dsl.language.base import Problem, Site

DirectionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class LocalSS2D(ScanMixer, frozen=True):
    """2D selective scans, global and within windows, weighed by an attention over channels (LocalMamba).

    Projection to ``expand``·C, and as much for the gate, depthwise ``conv`` × ``conv``, SiLU, the scans, the attention,
    the sum, the layer's norm, the gate, projection to C.
    """

    kind: Literal["local_ss2d"] = "local_ss2d"
    directions: Annotated[tuple[DirectionName, ...], Field(strict=False, min_length=1, max_length=8)] = (
        "rows",
        "rows_reversed",
        "window7",
        "window7_reversed",
    )
    """Each rows, columns, or windows of a side from 2 to 99, as in window7; with _reversed behind, from the end."""
    state: Annotated[int, Field(ge=1, le=256)] = 16
    """N, the numbers of state for each channel."""
    conv: OddKernel = 3
    """Side of the depthwise convolution before the scans; 0 for none, and then no SiLU either."""
    gate: bool = True
    """Whether a second branch, through SiLU, multiplies the scans' result."""
    bias: bool = False
    """Whether the two projections have a bias."""

    @property
    def projection_bias(self) -> bool:
        """As ``bias`` says."""
        return self.bias

    def projected(self, channels: int) -> int:
        """The channels of the scans, and as many for the gate."""
        return self.inner(channels) * (2 if self.gate else 1)

    def orders(self) -> tuple[ScanOrder, ...]:
        """The directions, in the order in which their weights stand."""
        return tuple(found for found in map(scan_order, self.directions) if found is not None)

    def problems(self, site: Site) -> Iterator[Problem]:
        """Every direction is known."""
        del site
        for name in self.directions:
            if scan_order(name) is None:
                message = f'unknown direction "{name}"'
                help = "write rows, columns or a window of 2 to 99 positions, such as window7; _reversed may follow"
                yield Problem("directions", UNKNOWN_DIRECTION, message, help)
