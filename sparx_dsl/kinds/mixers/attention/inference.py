"""What deployment may assume of attention over a whole map."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.attention.module import GlobalAttention

INFERENCE = Deployment({GlobalAttention: ModuleFacts(last_product="out_projection")})
