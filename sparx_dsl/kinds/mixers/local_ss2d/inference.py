"""What deployment may assume of the scans within windows."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.local_ss2d.module import LocalScan2D

INFERENCE = Deployment({LocalScan2D: ModuleFacts(last_product="out_projection")})
