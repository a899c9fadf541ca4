"""The feed-forward network with a depthwise convolution between its products, in inference."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import gelu_of
from sparx_dsl.kinds.ffns.depthwise_mlp.module import DepthwiseFfn


class FusedDepthwiseFfn(InferenceModule, DepthwiseFfn):
    """``DepthwiseFfn`` with GELU fused to its 3×3 convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        hidden = self.expansion(x)
        # Hooks may hand the map itself through; ReLU gives another one.
        own = self.relu or hidden is not x
        return self.contraction(gelu_of(self.conv, functional.relu(hidden) if self.relu else hidden, may_overwrite=own))


FACTS = ModuleFacts(input_reader="expansion", last_product="contraction", replacement=FusedDepthwiseFfn)
INFERENCE = Deployment({DepthwiseFfn: FACTS})
