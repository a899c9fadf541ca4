"""Options of the token mixer ``continuous_ss2d``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.options import OddKernel, ScanMixer


class ContinuousSS2D(ScanMixer, frozen=True):
    """2D selective scans in four directions, each along a path from neighbour to neighbour (PlainMamba).

    Projection to ``expand``·C, and as much for the gate, depthwise ``conv`` × ``conv``, SiLU, the scans, their sum, the
    gate, projection to C. The scans have their weights in common, but for a term of B by the last step of the path.
    """

    kind: Literal["continuous_ss2d"] = "continuous_ss2d"
    state: Annotated[int, Field(ge=1, le=256)] = 16
    """N, the numbers of state for each channel."""
    conv: OddKernel = 7
    """Side of the depthwise convolution before the scans; 0 for none, and then no SiLU either."""
    gate: bool = True
    """Whether a second branch, through SiLU, multiplies the scans' result."""
    bias: bool = True
    """Whether the two projections have a bias."""

    @property
    def projection_bias(self) -> bool:
        """As ``bias`` says."""
        return self.bias

    def projected(self, channels: int) -> int:
        """The channels of the scans, and as many for the gate."""
        return self.inner(channels) * (2 if self.gate else 1)
