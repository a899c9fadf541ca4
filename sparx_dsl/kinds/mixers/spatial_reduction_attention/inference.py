"""Spatial-reduction attention in inference."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import gelu_of
from sparx_dsl.kinds.mixers.spatial_reduction_attention.module import PooledAttention, ReducedAttention
from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import POOLED_SIDE


class FusedPooledAttention(InferenceModule, PooledAttention):
    """``PooledAttention`` with GELU fused to its convolution where the norm was folded into that."""

    def reduced(self, x: Tensor) -> Tensor:
        """The map that is attended to, (batch, channels, 7, 7)."""
        return gelu_of(self.reduction, functional.adaptive_avg_pool2d(x, POOLED_SIDE))


INFERENCE = Deployment(
    {
        ReducedAttention: ModuleFacts(last_product="out_projection"),
        PooledAttention: ModuleFacts(last_product="out_projection", replacement=FusedPooledAttention),
    }
)
