"""The forward pass of the vanilla Mamba block, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.cost import scan_direction, sequence_output
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: SSM, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, inner, or 2·inner with a gate, height, width) to (batch, channels, height, width)."""
    sequence = projected.part(1, options.inner(site.channels)).flatten(2)
    return sequence_output(options, site, tape, projected, scan_direction(options, site, tape, sequence))
