"""The stem of convolutions in inference."""

from __future__ import annotations

from torch import Tensor

from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import gelu_of
from sparx_dsl.kinds.stems.conv.module import ConvolutionalStem


class FusedStem(InferenceModule, ConvolutionalStem):
    """``ConvolutionalStem`` with GELU fused to its convolutions."""

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / 4⌉, ⌈width / 4⌉)."""
        x = image
        *before, last = self.convs
        for conv in before:
            x = gelu_of(conv, x)
        x = last(x)
        return x if self.position is None else self.position(x)


INFERENCE = Deployment({ConvolutionalStem: ModuleFacts(replacement=FusedStem)})
