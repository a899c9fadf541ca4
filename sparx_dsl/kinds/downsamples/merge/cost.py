"""The forward pass of patch merging, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: MergeDownsample, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to half the height and width, rounded up."""
    height, width = x.shape[2:]
    corner = tape.pad(x, height + height % 2, width + width % 2).every_other()
    merged = tape.norm(options.norm, tape.concatenate((corner,) * 4))
    return tape.convolution(merged, site.out_channels, bias=False)
