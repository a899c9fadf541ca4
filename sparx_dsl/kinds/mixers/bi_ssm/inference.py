"""What deployment may assume of the bidirectional Mamba block."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.mixers.bi_ssm.module import BidirectionalScan

INFERENCE = (Deployable(BidirectionalScan, last_product="out_projection"),)
