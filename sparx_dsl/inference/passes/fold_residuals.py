"""Fold the position encoding's x + conv(x) into one convolution, and the shift of a layer's scale into the branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from sparx_dsl.inference.fused_convolution import add_identity, is_depthwise
from sparx_dsl.inference.kind_parts import KindPart, kind_parts
from sparx_dsl.inference.passes.base import Change, modules_of
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.layer import Dpe, Feeding, GanglionMixing, NormalMixing, Residual
from sparx_dsl.nn.layer_scale import FoldedScale, LayerScale


@dataclass(frozen=True, slots=True)
class FoldResidualConvolutions:
    """The identity beside a depthwise convolution becomes a one in its kernel's centre (RepVGG, Ding et al. 2021)."""

    name: str = "fold residual convolutions"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The position encodings that still are sums."""
        for path, dpe in modules_of(backbone, Dpe):
            if is_depthwise(dpe.conv):
                yield path, partial(add_identity, dpe.conv)


@dataclass(frozen=True, slots=True)
class SumInPlace:
    """The sum of residual and branch is written over the branch, a tensor of its own that nothing else reads.

    The shift of a scale on the residual becomes part of the branch's last bias, so that one pass over memory scales
    and sums. Branches of which no kind states what gives them stay as they are: they may hand out their input.
    """

    name: str = "residual sums in place"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The residuals whose sums still are tensors of their own, and need not be."""
        for part in kind_parts(backbone):
            residual, last = part.module, last_product(part)
            if not isinstance(residual, Residual) or not isinstance(last, nn.Conv2d):
                continue
            # A norm behind the branch would see the shift.
            if not residual.in_place and residual.post_norm is None:
                yield part.path, partial(sum_in_place, residual, last)


def last_product(part: KindPart) -> nn.Module | None:
    """What gives the branch of a part with a residual, or None where that is not known."""
    if isinstance(part.module, Feeding):
        branch = part.module.ffn
    elif isinstance(part.module, NormalMixing | GanglionMixing):
        branch = part.module.mixer
    else:
        return None
    return part.product(branch, part.facts(branch).last_product)


def sum_in_place(residual: Residual, last: nn.Conv2d) -> Residual:
    """Let a part write its sum over the branch, whose last convolution adds the scale's shift; gives the part."""
    residual.in_place = True
    if isinstance(residual.layer_scale, LayerScale):
        shift = residual.layer_scale.bias.detach()
        last.bias = nn.Parameter(shift.clone() if last.bias is None else last.bias.detach() + shift)
        residual.layer_scale = FoldedScale(residual.layer_scale)
    return residual
