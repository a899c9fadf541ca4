"""When maps go through this project's kernels for CUDA, in training as in inference, and in which dtype."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparx_dsl.ops import map_backends
from sparx_dsl.ops.forward_mode import has_tangent
from sparx_dsl.ops.map_arguments import is_channels_last

OF_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Where ``nn.Module`` keeps its hooks."""


def kernels_serve(x: Tensor) -> bool:
    """Whether a map (batch, channels, height, width) goes through the kernels: a channels-last one on a CUDA device.

    PyTorch's operators serve all others, and exporters, tracers, functional transforms and forward mode, which know
    no operator of ours, or no derivative of it.
    """
    return (
        x.is_cuda
        and x.dim() == 4
        and is_channels_last(x)
        and not torch.compiler.is_exporting()
        and outside_of_transforms()
        and (torch.compiler.is_compiling() or not (has_tangent(x) or is_traced()))
        and map_backends.kernels_serve(x)
    )


def outside_of_transforms() -> bool:
    """Whether no functional transform is at work: PyTorch transforms no operator with a derivative of its own."""
    if torch.compiler.is_compiling():
        return True
    return not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]


def is_traced() -> bool:
    """Whether ``torch.jit.trace`` is at work."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def as_autocast(x: Tensor) -> Tensor:
    """The map, of any shape, in the dtype that autocast runs convolutions in, where it is on."""
    return x.to(torch.get_autocast_dtype(x.device.type)) if in_autocast(x) else x


def in_autocast(x: Tensor) -> bool:
    """Whether autocast is on for the device of a tensor of any shape."""
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def has_hooks(module: nn.Module) -> bool:
    """Whether something wants to see what the module itself is given, or gives, or the gradients of these."""
    return _watched_everywhere() or any(vars(module)[name] for name in OF_HOOKS)


def _watched_everywhere() -> bool:
    """Whether a hook is on all modules; PyTorch's own answer is one of its tables of them."""
    return True if nn.modules.module._has_any_global_hook() else False  # noqa: SIM210 # pyright: ignore
