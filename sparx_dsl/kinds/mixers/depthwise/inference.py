"""What deployment may assume of the depthwise mixer."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.mixers.depthwise.module import DepthwiseMixer

INFERENCE = Deployment({DepthwiseMixer: ModuleFacts(last_product="contraction", norm_reader="expansion")})
