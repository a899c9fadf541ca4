"""The plain feed-forward network in inference."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import in_turn
from sparx_dsl.kinds.ffns.mlp.module import PointwiseFfn


class FusedPointwiseFfn(InferenceModule, PointwiseFfn):
    """``PointwiseFfn`` with GELU fused to its expansion."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return in_turn(x, (self.expansion, "gelu"), (self.contraction, "none"))


FACTS = ModuleFacts(input_reader="expansion", last_product="contraction", replacement=FusedPointwiseFfn)
INFERENCE = Deployment({PointwiseFfn: FACTS})
