"""The feed-forward network with a depthwise convolution in inference."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts, Place
from sparx_dsl.inference.fused_convolution import add_identity, in_turn
from sparx_dsl.kinds.ffns.conv.module import ConvolutionalFfn


class FusedConvolutionalFfn(InferenceModule, ConvolutionalFfn):
    """``ConvolutionalFfn`` with the residual folded into its 3×3 kernel, at the centre, and GELU fused to that."""

    def __init__(self, ffn: ConvolutionalFfn, place: Place) -> None:
        super().__init__(ffn, place)
        add_identity(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return in_turn(x, (self.expansion, "none"), (self.conv, "gelu"), (self.contraction, "none"))


FACTS = ModuleFacts(input_reader="expansion", last_product="contraction", replacement=FusedConvolutionalFfn)
INFERENCE = Deployment({ConvolutionalFfn: FACTS})
