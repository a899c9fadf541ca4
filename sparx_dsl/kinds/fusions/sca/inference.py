"""What deployment may assume of spatial cross-attention."""

from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.kinds.fusions.sca.module import TokenCrossAttention, TokenMerging

INFERENCE = Deployment(
    {TokenMerging: ModuleFacts(norm_reader="key_value"), TokenCrossAttention: ModuleFacts(own_result=True)}
)
