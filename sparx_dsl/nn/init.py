"""Initial values, and which parameters take no weight decay.

Convolutions and linear layers are torch's own classes with other initial values than torch's, made by ``initialised``.
Every module of this project that owns further parameters has ``reset_parameters``, which its constructor calls. Neither
does anything on the meta device: a module built there, moved by ``to_empty`` and given to ``initialise`` is as good as
one built in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, TypedDict, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

WEIGHT_STD = 0.02
"""Standard deviation of the truncated normal of convolutions, linear layers and tables."""

WEIGHT_STD_ATTRIBUTE = "weight_std"
"""The attribute of a convolution or linear layer that says with which standard deviation its weight is drawn."""

Product = TypeVar("Product", nn.Conv2d, nn.Conv1d, nn.Linear)

SMALLEST_STEP, LARGEST_STEP, STEP_FLOOR = 0.001, 0.1, 1e-4
"""Bounds of the log-uniform initial time steps, and the least time step (Mamba)."""
LARGEST_RATE = 16
"""The largest initial rate of decay of a head; the smallest is 1 (Mamba-2)."""

UNDECAYED = frozenset({"A_logs", "D", "dt_bias", "direction_B", "position_bias", "position_embedding", "bias"})
"""Leaf names of parameters that take no weight decay, whatever their shape."""


class Factory(TypedDict, total=False):
    """Where and in which dtype a module makes its parameters; None for torch's defaults."""

    device: torch.device | str | None
    dtype: torch.dtype | None


@runtime_checkable
class Resettable(Protocol):
    """A module that can set its own parameters, not those of its children, to initial values."""

    def reset_parameters(self) -> None:
        """Set the initial values in place."""
        ...


def initialise(model: nn.Module) -> None:
    """Set every parameter and running statistic of the model to its initial value, in place."""
    for module in model.modules():
        reset(module)


def reset(module: nn.Module) -> None:
    """Set what the module itself owns to initial values, in place, without its children."""
    if WEIGHT_STD_ATTRIBUTE in vars(module):
        reset_product(module)
    elif isinstance(module, Resettable):
        module.reset_parameters()


def initialised(
    make: Callable[..., Product],
    *sizes: int,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **geometry: Any,
) -> Product:
    """A convolution or linear layer of that class of torch, its weight a truncated normal and its bias zero.

    An attribute of the module says so, for ``initialise``. torch's own initial values are not drawn first, since they
    would take numbers from the generator.
    """
    module = make(*sizes, **geometry, device="meta", dtype=dtype)
    place = torch.get_default_device() if device is None else torch.device(device)
    if place.type != "meta":
        # Not by to_empty, which takes longer than everything else here.
        for name, parameter in module.named_parameters(recurse=False):
            module.register_parameter(
                name, nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype, device=place))
            )
    vars(module)[WEIGHT_STD_ATTRIBUTE] = WEIGHT_STD
    reset_product(module)
    return module


def reset_product(module: nn.Module) -> None:
    """Set what ``initialised`` made to its initial values again, in place; nothing on the meta device."""
    own = dict(module.named_parameters(recurse=False))
    reset_weight(own["weight"], own.get("bias"), vars(module)[WEIGHT_STD_ATTRIBUTE])


def no_weight_decay(model: nn.Module) -> set[str]:
    """Names of the parameters that take no weight decay: of one number for each channel, or of those leaf names.

    These are biases, norms and layer scales; A_logs, D and the time-step bias (Mamba); position biases (Swin) and
    embeddings (ViT).
    """
    named = model.named_parameters()
    return {name for name, parameter in named if parameter.ndim < 2 or name.rpartition(".")[2] in UNDECAYED}


@torch.no_grad()
def reset_weight(weight: Tensor, bias: Tensor | None = None, std: float = WEIGHT_STD) -> None:
    """Truncated normal for the weight, zero for the bias, of any shape; nothing on the meta device."""
    if weight.is_meta:
        return
    nn.init.trunc_normal_(weight, std=std)
    if bias is not None:
        bias.zero_()


@torch.no_grad()
def reset_scan(x_proj_weight: Tensor, dt_weight: Tensor, dt_bias: Tensor, A_logs: Tensor, D: Tensor) -> None:
    """Set a selective scan's parameters as Mamba does; nothing on the meta device.

    Shapes: x_proj_weight (…, inputs), uniform(±inputs^-0.5); dt_weight (…, R), uniform(±R^-0.5); dt_bias, of
    any shape, the inverse softplus of log-uniform time steps in [0.001, 0.1]; A_logs (…, N), log(1..N); D,
    one.
    """
    if A_logs.is_meta:
        return
    for weight in (x_proj_weight, dt_weight):
        bound = weight.shape[-1] ** -0.5
        weight.uniform_(-bound, bound)
    _reset_steps(dt_bias)
    A_logs.copy_(torch.arange(1, A_logs.shape[-1] + 1, device=A_logs.device).log().expand_as(A_logs))
    D.fill_(1)


@torch.no_grad()
def reset_rates(dt_bias: Tensor, A_logs: Tensor, D: Tensor) -> None:
    """Set the parameters of Mamba-2's heads, each (heads,), as it does; nothing on the meta device.

    dt_bias as ``reset_scan`` does; A_logs the logarithm of uniform numbers from 1 to 16; D, one.
    """
    if A_logs.is_meta:
        return
    _reset_steps(dt_bias)
    A_logs.uniform_(1, LARGEST_RATE).log_()
    D.fill_(1)


def _reset_steps(dt_bias: Tensor) -> None:
    # In float32 at least: the inverse softplus takes the difference of numbers close to one.
    steps = torch.empty(dt_bias.shape, device=dt_bias.device, dtype=torch.promote_types(dt_bias.dtype, torch.float32))
    steps = steps.uniform_(math.log(SMALLEST_STEP), math.log(LARGEST_STEP)).exp().clamp(min=STEP_FLOOR)
    dt_bias.copy_(steps + torch.log(-torch.expm1(-steps)))
