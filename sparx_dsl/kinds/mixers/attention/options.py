"""Options of the token mixer ``attention``."""

from __future__ import annotations

from typing import Literal

from sparx_dsl.kinds.mixers.attention_options import GlobalAttentionOptions


class AttentionMixer(GlobalAttentionOptions, frozen=True):
    """Every position attends to all positions of the map, without a bias on positions (ViT)."""

    kind: Literal["attention"] = "attention"

    def projected(self, channels: int) -> int:
        """Query, key and value."""
        return 3 * channels

    @property
    def projection_bias(self) -> bool:
        """As ``qkv_bias`` says."""
        return self.qkv_bias
