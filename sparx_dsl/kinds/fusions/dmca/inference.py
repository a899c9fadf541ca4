"""DMCA in inference."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.fusions.dmca.module import ChannelAggregator
from sparx_dsl.kinds.fusions.inference import REDUCED_PROJECTION, FusedAggregator


class FusedChannelAggregator(FusedAggregator, ChannelAggregator):
    """``ChannelAggregator`` with GELU fused to its convolutions."""


INFERENCE = (
    Deployable(ChannelAggregator, own_result=True, replacement=FusedChannelAggregator),
    REDUCED_PROJECTION,
)
