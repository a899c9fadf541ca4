"""Many points of a space at once, as numpy arrays: sampled, and priced."""

from sparx_dsl.search.batched.batch_pricing import BatchPrices as BatchPrices
from sparx_dsl.search.batched.point_rows import PointRows as PointRows
from sparx_dsl.search.batched.space_batches import SpaceBatches as SpaceBatches
