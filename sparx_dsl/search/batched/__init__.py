"""Many points of a space at once, as numpy arrays: drawn, and priced."""

from sparx_dsl.search.batched.pricing import BatchPrices as BatchPrices
from sparx_dsl.search.batched.rows import Picks as Picks
from sparx_dsl.search.batched.space_batches import SpaceBatches as SpaceBatches
