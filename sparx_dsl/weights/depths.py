"""Stages of another depth: which layer is which, and added layers that give what they are given (Net2Net).

Source: Chen et al. 2016, "Net2Net: Accelerating Learning via Knowledge Transfer", section 2.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sparx_dsl.graph import Node
from sparx_dsl.language.spec import Spec
from sparx_dsl.weights.kind_modules import KindModules


def renames_by_stride(source: Spec, target: Spec) -> dict[str, str]:
    """Old name → new name of the layers of stages that have another depth now, for ``transfer``.

    Where such a stage, of the same name, has the same stride in both, its layers are counted from the last, as the
    stride is: they keep their roles, and layers are added or removed in front. Other stages keep their numbers.
    """
    before = {stage.name or f"stage{number}": stage for number, stage in enumerate(source.stages, 1)}
    renames: dict[str, str] = {}
    for number, stage in enumerate(target.stages, 1):
        name = stage.name or f"stage{number}"
        old = before.get(name)
        if old is None or old.S is None or old.S != stage.S or old.depth == stage.depth:
            continue
        shift = stage.depth - old.depth
        kept = range(max(1, 1 - shift), old.depth + 1)
        renames |= {f"{name}.layer{layer}": f"{name}.layer{layer + shift}" for layer in kept}
    return renames


def identity_values(kinds: KindModules, layer: Node, drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The values by which a layer gives what it is given, by the names of its tensors of any shape; else nothing.

    The position encoding and what the mixer and the FFN end with are 0, and scales on the residual 1. Everything else
    stays as it was drawn, so that the layer learns. A kind says what it ends with by ``KindCheckpoint(last=…)``, and
    where a norm stands behind it, that is what is 0.
    """
    zeros, ones = set(_scales(layer, "bias")), set(_scales(layer, "weight"))
    zeros |= {name for name in drawn if name.startswith(f"{layer.name}.dpe.")}
    for path in (f"{layer.name}.mixer", f"{layer.name}.ffn.ffn"):
        module = kinds.by_path[path]
        if not any(name.startswith(f"{path}.") for name in drawn):
            continue
        if layer.layer_settings.norm_place == "post":
            zeros |= {f"{layer.name}.{module.role}.post_norm.{leaf}" for leaf in ("weight", "bias")}
            continue
        last = module.checkpoint.last
        if last is None:
            return {}
        zeros |= {f"{path}.{last}.{leaf}" for leaf in ("weight", "bias")}
    return {
        name: (torch.zeros_like if name in zeros else torch.ones_like)(value)
        for name, value in drawn.items() if name in zeros or name in ones
    }  # fmt: skip


def _scales(layer: Node, leaf: str) -> Iterator[str]:
    """The tensors of the scales on a layer's residual path, where it has them."""
    return (f"{layer.name}.{part}.layer_scale.{leaf}" for part in ("mixer", "ffn"))
