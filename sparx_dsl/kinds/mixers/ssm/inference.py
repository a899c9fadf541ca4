"""What deployment may assume of the vanilla Mamba block."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.sequence_scan import GatedScan

INFERENCE = Deployment({GatedScan: ModuleFacts(last_product="out_projection")})
