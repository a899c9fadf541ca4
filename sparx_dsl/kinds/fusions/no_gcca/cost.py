"""The forward pass of the aggregator without its attention, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.cost import conv_ffn, reduced_projection, selection
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: NoGcca, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
    value = reduced_projection(tape, selection(site, tape, features, site.channels), 1)
    query = reduced_projection(tape, x, 1)
    return conv_ffn(tape, (query, value), times(site.channels, options.ratio), site.out_channels)
