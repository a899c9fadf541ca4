"""What a whole backbone costs, as five numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a ``Cost``, and its peak: MACs and FLOPs are for one image, bytes for a batch and a dtype."""

    params: int
    macs: int
    flops: int
    peak_bytes: int
    traffic_bytes: int
