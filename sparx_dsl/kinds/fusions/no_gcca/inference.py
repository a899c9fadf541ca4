"""The aggregator without its attention in inference."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import gelu_of
from sparx_dsl.kinds.fusions.inference import SHARED
from sparx_dsl.kinds.fusions.no_gcca.module import QueryValueFusion


class FusedQueryValueFusion(InferenceModule, QueryValueFusion):
    """``QueryValueFusion`` with GELU fused to its convolutions."""

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        normed = self.norm(features)
        selected = gelu_of(self.selection, normed, may_overwrite=normed is not features)
        value = self.value(gelu_of(self.gathering, selected))
        return self.fusion(self.query(x), value)


FACTS = ModuleFacts(own_result=True, replacement=FusedQueryValueFusion)
INFERENCE = Deployment({**SHARED, QueryValueFusion: FACTS})
