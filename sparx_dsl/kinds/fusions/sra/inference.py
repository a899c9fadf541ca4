"""The aggregator with spatial-reduction attention in inference."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.fusions.inference import SHARED, FusedAggregator
from sparx_dsl.kinds.fusions.sra.module import SpatialAggregator


class FusedSpatialAggregator(FusedAggregator, SpatialAggregator):
    """``SpatialAggregator`` with GELU fused to its convolutions."""


INFERENCE = Deployment({**SHARED, SpatialAggregator: ModuleFacts(own_result=True, replacement=FusedSpatialAggregator)})
