"""What deployment may assume of spatial cross-attention."""

from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.kinds.fusions.sca.module import TokenCrossAttention, TokenMerging

INFERENCE = (Deployable(TokenMerging, norm_reader="key_value"), Deployable(TokenCrossAttention, own_result=True))
