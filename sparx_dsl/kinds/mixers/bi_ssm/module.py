"""Bi-SSM: Vim's bidirectional Mamba block, version 2 (Zhu et al. 2024, algorithm 1)."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.sequence_scan import GatedScan, SequenceScan
from sparx_dsl.language.base import Site
from sparx_dsl.nn.init import Factory


class BidirectionalScan(GatedScan):
    """A scan forwards and another, with weights of its own, backwards; their sum is gated and projected."""

    def __init__(
        self,
        inner: int,
        out_channels: int,
        scan: SequenceScan,
        backward_scan: SequenceScan,
        *,
        gate: bool,
        bias: bool,
        halve: bool,
        **factory: Unpack[Factory],
    ) -> None:
        super().__init__(inner, out_channels, scan, gate=gate, bias=bias, **factory)
        self.backward_scan = backward_scan
        self.halve = halve

    def mix(self, sequence: Tensor) -> Tensor:
        """Scan the sequence (batch, inner, length) both ways and sum, or average where the sum is halved."""
        y = self.scan(sequence) + self.backward_scan(sequence.flip(2)).flip(2)
        return y / 2 if self.halve else y


def build(options: BiSSM, site: Site, **factory: Unpack[Factory]) -> BidirectionalScan:
    """Make what follows the input projection of the bidirectional block at that site."""
    inner = options.inner(site.channels)
    scan, backward_scan = (
        SequenceScan(inner, state=options.state, rank=options.time_rank(site.channels), kernel=options.conv, **factory)
        for _ in range(2)
    )
    return BidirectionalScan(
        inner,
        site.channels,
        scan,
        backward_scan,
        gate=options.gate,
        bias=options.bias,
        halve=options.halve,
        **factory,
    )
