"""Models within the wrappers of PyTorch, by what wraps them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import nn
from torch.distributed.algorithms._checkpoint import checkpoint_wrapper
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from sparx_dsl.nn.stage import Layer

Wrap = Callable[[nn.Module], nn.Module]
_CHECKPOINTING: Any = checkpoint_wrapper


def compiled(model: nn.Module) -> nn.Module:
    """The model as ``torch.compile`` wraps it."""
    return cast("nn.Module", torch.compile(model, backend="eager"))


def in_parallel(model: nn.Module) -> nn.Module:
    """The model as ``nn.DataParallel`` wraps it."""
    return cast("nn.Module", nn.DataParallel(model))


SEEN_THROUGH: dict[str, Wrap] = {
    "DistributedDataParallel": DistributedDataParallel,
    "DataParallel": in_parallel,
    "OptimizedModule": compiled,
    "AveragedModel": AveragedModel,
    "CheckpointWrapper": _CHECKPOINTING.checkpoint_wrapper,
    "a compiled one in parallel": lambda model: DistributedDataParallel(compiled(model)),
    "an average of a compiled one": lambda model: AveragedModel(compiled(model)),
}
"""Wrappers around a whole model; some want a group of processes."""


def with_compiled_layers(model: nn.Module) -> nn.Module:
    """The model, every layer of which is compiled by itself."""
    modules = cast("Iterator[tuple[str, nn.Module]]", model.named_modules())
    layers = [path for path, module in modules if isinstance(module, Layer)]
    for parent, _, leaf in (path.rpartition(".") for path in layers):
        owner = model.get_submodule(parent)
        owner.register_module(leaf, compiled(owner.get_submodule(leaf)))
    return model


def with_checkpointed_layers(model: nn.Module) -> nn.Module:
    """The model with PyTorch's wrapper for activation checkpointing around its layers."""

    def is_layer(module: nn.Module) -> bool:
        return isinstance(module, Layer)

    _CHECKPOINTING.apply_activation_checkpointing(model, check_fn=is_layer)
    return model


def fsdp(model: nn.Module, **options: Any) -> nn.Module:
    """FSDP around a model; it says in a warning that one process has nobody to share with."""
    with warnings.catch_warnings(action="ignore"):
        return FullyShardedDataParallel(model, device_id=torch.device("cpu"), **options)


def fsdp2(model: nn.Module) -> nn.Module:
    """FSDP2 on a whole model."""
    fully_shard(model)
    return model


def fsdp2_layer(model: nn.Module) -> nn.Module:
    """FSDP2 on one layer alone."""
    fully_shard(model.get_submodule("stage1.layer1"))
    return model
