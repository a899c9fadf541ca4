"""Parameter groups for optimizers: which parameters decay, and how fast each layer learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.layer_groups import layer_groups
from sparx_dsl.lowering.wrapped import refuse_flat_parameters
from sparx_dsl.nn.init import no_weight_decay
from sparx_dsl.nn.wrappers import path_without_wrappers


def param_groups(
    model: nn.Module, weight_decay: float = 0.05, layer_decay: float | None = None, lr: float | None = None
) -> list[dict[str, Any]]:
    """The groups that an optimizer of PyTorch takes; every parameter of the model is in exactly one.

    Biases, norms, layer scales, A_logs, D, the time-step bias, position biases and embeddings take no weight decay.
    With a ``layer_decay`` d, what lies k layers before the end learns at d^k of the rate, as timm has it: ``stem``
    first, then layer by layer, each downsampling with the first layer of its stage, and ``head`` last. The model has
    one backbone then, perhaps wrapped or within a larger model, whose other parameters learn at the rate of the head.

    A group has ``params``, ``param_names``, ``weight_decay``; and ``lr_scale``, which timm's schedulers multiply by, or
    with ``lr`` a rate of its own in its place, which PyTorch's take. Raises ``SparxError`` (SPX327) for numbers out of
    range, and for a ``layer_decay`` without a backbone; and for parameters that FSDP has flattened (SPX328).
    """
    refuse_flat_parameters(model)
    _check_range("weight_decay", weight_decay, 0, math.inf)
    if layer_decay is not None:
        _check_range("layer_decay", layer_decay, math.ulp(0), 1)
    if lr is not None:
        _check_range("lr", lr, 0, math.inf)
    depths = dict.fromkeys(map(id, model.parameters()), 0) if layer_decay is None else _depths(model)
    undecayed, deepest = no_weight_decay(model), max(depths.values(), default=0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        depth = depths[id(parameter)]
        key = depth, name in undecayed
        if key not in groups:
            scale = 1.0 if layer_decay is None else layer_decay ** (deepest - depth)
            groups[key] = {
                "params": [], "param_names": [], "weight_decay": 0.0 if key[1] else weight_decay,
                **_rate(scale, layer_decay, lr),
            }  # fmt: skip
        groups[key]["params"].append(parameter)
        groups[key]["param_names"].append(name)
    return [groups[key] for key in sorted(groups)]


def _rate(scale: float, layer_decay: float | None, lr: float | None) -> dict[str, float]:
    """A group's rate, in the terms of PyTorch or of timm; nothing where every group has the optimizer's."""
    if lr is not None:
        return {"lr": lr * scale}
    return {} if layer_decay is None else {"lr_scale": scale}


def _depths(model: nn.Module) -> Mapping[int, int]:
    """The depth of every parameter of the model, by its ``id``: 0 in the stem, one more behind every layer."""
    found = [module for module in model.modules() if isinstance(module, Backbone)]
    if len(found) != 1:
        raise _refused(
            f"layer_decay needs a model with one backbone, got {len(found)}",
            "give the groups of each backbone by itself, or leave out layer_decay",
        )
    backbone = found[0]
    groups = layer_groups(backbone.spec)
    depth_of = {path: depth for depth, paths in enumerate(groups.values()) for path in paths}
    last = depth_of["head"]
    depths = dict.fromkeys(map(id, model.parameters()), last)
    for name, parameter in backbone.named_parameters():
        first, _, rest = path_without_wrappers(name).partition(".")
        within = f"{first}.{rest.partition('.')[0]}"
        depths[id(parameter)] = depth_of.get(first, depth_of.get(within, last))
    return depths


def _check_range(name: str, value: object, least: float, most: float) -> None:
    """Raise ``SparxError`` unless it is a finite number within these bounds."""
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if not (least <= number <= most and number < math.inf):
        bounds = "0 or more" if most == math.inf else f"above 0 and at most {most:g}"
        raise _refused(f"{name} must be a number, {bounds}, got {value!r}", f"write {name}=0.05, or another number")


def _refused(message: str, help: str) -> SparxError:
    return SparxError(Diagnostic(Code.INVALID_PARAMETER_GROUPS, message, help=help))
