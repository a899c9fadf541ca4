"""The forward pass of the aggregator with spatial-reduction attention, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.cost import key_and_value, mixed, reduced_projection
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.kinds.position_attention_cost import position_attention
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: SRA, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
    key, value = key_and_value(site, tape, features)
    ratio = options.spatial_reduction(site)
    query = reduced_projection(tape, x, 1)
    keys, values = (reduced_projection(tape, each, ratio).flatten(2) for each in (key, value))
    attended = position_attention(tape, options.head_count(site.channels), query, keys, values)
    return mixed(site, tape, (x, attended, value))
