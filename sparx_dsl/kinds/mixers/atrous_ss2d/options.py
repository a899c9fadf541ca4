"""Options of the token mixer ``atrous_ss2d``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.options import MapMixer, OddKernel, ScanMixer


class AtrousSS2D(MapMixer, ScanMixer, frozen=True):
    """2D selective scans over every ``step``-th row and column beside a depthwise convolution (EfficientVMamba).

    The scans: projection to twice ``expand``·C, depthwise ``conv`` × ``conv``, SiLU, a scan for each of the step² grids
    into which the map falls, the layer's norm, a gate through SiLU, projection to C. The convolution: depthwise 3×3,
    BatchNorm, GELU, 1×1. Both are weighed by an attention over channels, and summed.
    """

    kind: Literal["atrous_ss2d"] = "atrous_ss2d"
    step: Annotated[int, Field(ge=1, le=8)] = 2
    """A scan reads every step-th row and column; there are step² of them, with weights of their own."""
    state: Annotated[int, Field(ge=1, le=256)] = 16
    """N, the numbers of state for each channel."""
    conv: OddKernel = 3
    """Side of the depthwise convolution before the scans; 0 for none, and then no SiLU either."""
