"""The head of a timm model: pooling, dropout and a classifier that can be exchanged."""

from __future__ import annotations

from typing import Final

from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from torch import Tensor, nn

from sparx_dsl.integrations.timm.arguments import invalid_option

POOLS: Final = ("avg", "max", "avgmax", "catavgmax", "fast", "fastavg", "fastmax", "fastavgmax", "fastcatavgmax")
"""timm's names of pooling over all positions; none is the empty text."""


class ClassifierHead(nn.Module):
    """A norm, a mean or another pooling over positions, dropout, one linear layer.

    Its parameters have the names that those of the head ``linear`` have. Without a classifier ``linear`` is the
    identity. Raises ``SparxError`` (SPX560) for a pooling that timm does not have, and for a classifier without one.
    """

    def __init__(self, norm: nn.Module, linear: nn.Module, pool: str, drop_rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= drop_rate < 1:
            raise invalid_option(f"drop_rate must be at least 0 and below 1, got {drop_rate!r}", "write drop_rate=0.1")
        self.norm = norm
        self.global_pool = pooling(pool)
        self.drop = nn.Dropout(drop_rate)
        self.linear: nn.Module = nn.Identity()
        self.set_classifier(linear)

    def set_classifier(self, linear: nn.Module, pool: SelectAdaptivePool2d | None = None) -> None:
        """Another classifier, the identity for none, and perhaps another pooling; raises ``SparxError`` (SPX560)."""
        pool = self.global_pool if pool is None else pool
        if not pool.pool_type and not isinstance(linear, nn.Identity):
            message = "a classifier needs pooling: global_pool is '', which leaves the map as it is"
            raise invalid_option(message, "write global_pool='avg', or num_classes=0 for the map")
        self.global_pool, self.linear = pool, linear

    @property
    def widening(self) -> int:
        """How many numbers pooling makes of each channel."""
        return int(self.global_pool.feat_mult())

    def forward(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """A map (batch, channels, height, width) to logits (batch, classes), or to what the classifier is given."""
        x = self.drop(self.global_pool(self.norm(x)))
        return x if pre_logits else self.linear(x)


def pooling(name: str) -> SelectAdaptivePool2d:
    """timm's pooling of that name; raises ``SparxError`` (SPX560) for one that it does not have."""
    if name and name not in POOLS:
        message = f"unknown pooling {name!r}"
        raise invalid_option(message, f"write one of {', '.join(POOLS)}, or '' for a map without pooling")
    return SelectAdaptivePool2d(pool_type=name, flatten=bool(name))
