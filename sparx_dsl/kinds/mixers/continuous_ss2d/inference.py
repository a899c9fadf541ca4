"""What deployment may assume of the scans along continuous paths."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.continuous_ss2d.module import ContinuousScan2D

INFERENCE = Deployment({ContinuousScan2D: ModuleFacts(last_product="out_projection")})
