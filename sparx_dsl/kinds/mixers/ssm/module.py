"""SSM: the vanilla Mamba block over a map's positions in rows (Gu and Dao 2024, figure 3)."""

from __future__ import annotations

from typing import Unpack

from sparx_dsl.kinds.mixers.sequence_scan import GatedScan, SequenceScan
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.language.base import Site
from sparx_dsl.nn.init import Factory


def build(options: SSM, site: Site, **factory: Unpack[Factory]) -> GatedScan:
    """Make what follows the input projection of the vanilla Mamba block at that site."""
    inner = options.inner(site.channels)
    scan = SequenceScan(
        inner, state=options.state, rank=options.time_rank(site.channels), kernel=options.conv, **factory
    )
    return GatedScan(inner, site.channels, scan, gate=options.gate, bias=options.bias, **factory)
