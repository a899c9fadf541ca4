"""Options of the token mixer ``ss2d``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sparx_dsl.kinds.mixers.options import Kernel, ScanMixer
from sparx_dsl.kinds.mixers.ss2d.codes import EVEN_KERNEL
from sparx_dsl.language.base import Problem, Site


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
                EVEN_KERNEL,
                f"the kernel size of the depthwise convolution must be odd to keep the map's size, got {self.conv}",
                f"write {self.conv - 1} or {self.conv + 1}, or 0 for no convolution",
            )
