"""The aggregator with spatial-reduction attention in inference."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.fusions.inference import REDUCED_PROJECTION, FusedAggregator
from sparx_dsl.kinds.fusions.sra.module import SpatialAggregator


class FusedSpatialAggregator(FusedAggregator, SpatialAggregator):
    """``SpatialAggregator`` with GELU fused to its convolutions."""


INFERENCE = (
    Deployable(SpatialAggregator, own_result=True, replacement=FusedSpatialAggregator),
    REDUCED_PROJECTION,
)
