"""What deployment may assume of the block of Mamba-2."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.ssd.module import StateSpaceDual

INFERENCE = Deployment({StateSpaceDual: ModuleFacts(norm_reader="out_projection", last_product="out_projection")})
