"""The forward pass of the plain feed-forward network, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: Mlp, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    hidden = tape.convolution(x, times(site.channels, options.ratio))
    active = tape.dropout(tape.activation(hidden), options.dropout)
    return tape.dropout(tape.convolution(active, site.channels), options.dropout)
