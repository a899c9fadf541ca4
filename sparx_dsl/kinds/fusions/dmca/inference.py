"""DMCA in inference."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.fusions.dmca.module import ChannelAggregator
from sparx_dsl.kinds.fusions.inference import SHARED, FusedAggregator


class FusedChannelAggregator(FusedAggregator, ChannelAggregator):
    """``ChannelAggregator`` with GELU fused to its convolutions."""


INFERENCE = Deployment({**SHARED, ChannelAggregator: ModuleFacts(own_result=True, replacement=FusedChannelAggregator)})
