"""What several fusions share in inference: GELU fused to convolutions, in place where nothing else reads the map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparx_dsl.inference.deployment import InferenceModule, ModuleFacts
from sparx_dsl.inference.fused_convolution import in_turn
from sparx_dsl.inference.map_modules import MapDepthwise
from sparx_dsl.kinds.fusions.aggregator import Aggregator, ReducedProjection, complete, interleaved
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation


class FusedReducedProjection(InferenceModule, ReducedProjection):
    """``ReducedProjection`` with GELU fused to the reduction."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same at 1 / ratio of the height and width."""
        if self.reduction is None:
            return self.projection(x)
        return in_turn(x, (self.reduction, "gelu"), (self.projection, "none"))


class FusedAggregator(InferenceModule, Aggregator):
    """``Aggregator`` with GELU fused to its convolutions; a class of its kind comes behind it."""

    def select(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, L·C, height, width) to Y_k and Y_v, (batch, C, height, width) each."""
        normed = self.norm(features)
        own = normed is not features
        both = in_turn(normed, (self.selection, "gelu"), (self.key_value, "gelu"), may_overwrite=own)
        key, value = both.chunk(2, dim=1)
        return key, value

    def mix(self, own: Tensor, attended: Tensor, value: Tensor) -> Tensor:
        """Three maps (batch, C, height, width) to (batch, out_channels, height, width)."""
        mixing = self.mixing
        if self.shortcut and isinstance(mixing, MapDepthwise) and mixing.fusable(own) and not mixing.has_hooks():
            mixed = self.projection(mixing.of_interleaved((own, attended, value), "gelu"))
        else:
            if self.shortcut:
                attended = interleaved(torch.cat((own, attended, value), dim=1))
            return self.project(attended, may_overwrite=self.shortcut)
        return complete(mixed, self.missing)

    def project(self, x: Tensor, *, may_overwrite: bool) -> Tensor:
        """What is mixed, interleaved, (batch, groups·C, height, width) to (batch, out_channels, height, width)."""
        mixed = in_turn(x, (self.mixing, "gelu"), (self.projection, "none"), may_overwrite=may_overwrite)
        return complete(mixed, self.missing)


class FusedConcatenation(InferenceModule, Concatenation):
    """``Concatenation`` with GELU fused to the depthwise convolution."""

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        hidden = self.expansion(torch.cat((x, features), dim=1))
        return in_turn(hidden, (self.conv, "gelu"), (self.projection, "none"), may_overwrite=True)


SHARED: dict[type[nn.Module], ModuleFacts] = {
    ReducedProjection: ModuleFacts(replacement=FusedReducedProjection),
    Concatenation: ModuleFacts(own_result=True, replacement=FusedConcatenation),
}
"""The modules that several fusions have."""
