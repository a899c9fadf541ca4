"""The forward pass of the concatenating fusion, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.cost import conv_ffn
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: ConcatFusion, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
    return conv_ffn(tape, (x, features), times(site.channels, options.ratio), site.out_channels)
