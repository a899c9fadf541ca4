"""The inception mixer in inference."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import gelu_of
from sparx_dsl.kinds.mixers.inception.module import InceptionMixer


class FusedInceptionMixer(InferenceModule, InceptionMixer):
    """``InceptionMixer`` with GELU fused to its expansion."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.contraction(gelu_of(self.expansion, self.norm(self.convolved(x))))


FACTS = ModuleFacts(last_product="contraction", norm_reader="expansion", replacement=FusedInceptionMixer)
INFERENCE = Deployment({InceptionMixer: FACTS})
