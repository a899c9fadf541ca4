"""What deployment may assume of the bidirectional Mamba block."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.bi_ssm.module import BidirectionalScan

INFERENCE = Deployment({BidirectionalScan: ModuleFacts(last_product="out_projection")})
