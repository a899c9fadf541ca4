"""What people do to a compiled backbone between building and saving it, by whether a checkpoint can hold that."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.optim.swa_utils import AveragedModel

import sparx_dsl
from sparx_dsl.lowering import Backbone

Mutation = Callable[[Backbone], nn.Module]
"""Gives the model that someone then tries to save, most often the same one."""


class Scaled(nn.Conv2d):
    """A convolution that doubles."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the shape of the convolution."""
        return 2 * super().forward(input)


class Twice(nn.Module):
    """A module whose result is doubled."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module gives, twice."""
        return 2 * self.module(*inputs)


class Doubled(nn.Module):
    """A module, or a parametrization, that doubles."""

    def forward(self, x: Tensor) -> Tensor:
        """Any tensor, doubled."""
        return 2 * x


def submodules(model: Backbone) -> Iterator[tuple[str, nn.Module]]:
    """All modules with their paths."""
    return cast(Iterator[tuple[str, nn.Module]], model.named_modules())


def product(model: Backbone) -> tuple[str, nn.Conv2d | nn.Linear]:
    """The first convolution or linear layer of the first layer's feed-forward network, and its path."""
    for path, module in submodules(model):
        if path.startswith("stage1.layer1.ffn") and isinstance(module, nn.Conv2d | nn.Linear):
            return path, module
    raise LookupError("the model has no feed-forward network")


def norm(model: Backbone) -> nn.Module:
    """The first norm of the first stage."""
    return next(module for path, module in submodules(model) if path.startswith("stage1") and path.endswith(".norm"))


def replace(model: Backbone, path: str, module: nn.Module) -> Backbone:
    """The model with another module in a place."""
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
    return model


def with_value(value: float) -> Mutation:
    """One element of one weight becomes that value."""

    def mutate(model: Backbone) -> nn.Module:
        with torch.no_grad():
            product(model)[1].weight.view(-1)[3] = value
        return model

    return mutate


def with_attribute(name: str, value: object, find: Callable[[Backbone], nn.Module]) -> Mutation:
    """An attribute of a module becomes that value."""

    def mutate(model: Backbone) -> nn.Module:
        setattr(find(model), name, value)
        return model

    return mutate


def in_place(change: Callable[[Backbone], object]) -> Mutation:
    """What changes the model itself."""

    def mutate(model: Backbone) -> nn.Module:
        change(model)
        return model

    return mutate


def first_dropout(model: Backbone) -> nn.Module:
    """The first module that drops whole branches in training."""
    return next(module for module in model.modules() if type(module).__name__ == "DropPath")


def first_convolution(model: Backbone) -> nn.Module:
    """The first convolution of the stem, which pads."""
    return next(module for module in model.modules() if isinstance(module, nn.Conv2d))


def exchanged_layer(model: Backbone) -> None:
    """A layer is another module, whose result is doubled."""
    stage = model.get_submodule("stage1")
    stage.register_module("layer1", Twice(stage.get_submodule("layer1")))


def parametrized(model: Backbone) -> None:
    """A weight is computed from another in each call."""
    parametrize.register_parametrization(product(model)[1], "weight", Doubled())


def pruned(model: Backbone) -> None:
    """Half of a weight is zero, computed from a mask in each call."""
    prune.l1_unstructured(product(model)[1], "weight", 0.5)


def pruned_for_good(model: Backbone) -> None:
    """Half of a weight is zero, and it is a parameter as before."""
    pruned(model)
    prune.remove(product(model)[1], "weight")


def channels_last(model: Backbone) -> None:
    """Convolutions have their weights channels-last, as training on GPUs has them."""
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def synchronized(model: Backbone) -> nn.Module:
    """Batch norms are those of training in several processes."""
    return cast(Callable[[nn.Module], nn.Module], nn.SyncBatchNorm.convert_sync_batchnorm)(model)


def tied(model: Backbone) -> None:
    """Two norms share their weights."""
    norms = [module for module in model.modules() if type(module) is type(norm(model))]
    first = norms[0]
    second = next(each for each in norms[1:] if each.weight.shape == first.weight.shape)
    second.weight = first.weight


def part_of_another(model: Backbone) -> None:
    """A weight lies within a larger piece of memory."""
    _, module = product(model)
    shape = module.weight.shape
    flat = torch.cat([torch.zeros(7), module.weight.detach().flatten(), torch.zeros(5)])
    module.weight = nn.Parameter(flat[7 : 7 + shape.numel()].view(shape))


def transposed(model: Backbone) -> None:
    """A weight is not contiguous."""
    _, module = product(model)
    swapped = module.weight.detach().transpose(0, 1).contiguous().transpose(0, 1)
    module.weight = nn.Parameter(swapped)


def other_forward(module: nn.Module) -> None:
    """The module computes something else, by a method of its own."""
    plain: Callable[..., Tensor] = module.forward

    def doubled(x: Tensor) -> Tensor:
        return 2 * plain(x)

    module.forward = doubled


def averaged(model: Backbone) -> nn.Module:
    """An average of weights around the model."""
    return AveragedModel(model)


def compiled(model: Backbone) -> nn.Module:
    """The model within what ``torch.compile`` gives."""
    wrapped = torch.compile(model, backend="eager")
    assert isinstance(wrapped, nn.Module)
    return wrapped


def hooked(model: Backbone) -> None:
    """A hook looks on."""

    def observe(module: nn.Module, inputs: object, output: object) -> None:
        del module, inputs, output

    norm(model).register_forward_hook(observe)


def to_complex(module: nn.Module) -> None:
    """The module's weights become complex numbers."""
    for name, parameter in list(module.named_parameters()):
        setattr(module, name, nn.Parameter(parameter.detach().to(torch.complex64)))


REFUSED: Mapping[str, Mutation] = {
    "deployed": sparx_dsl.deploy,
    "another classifier": lambda model: replace(model, "head.linear", nn.Linear(16, 2)),
    "no classifier": lambda model: replace(model, "head.linear", nn.Identity()),
    "no head": lambda model: replace(model, "head", nn.Identity()),
    "a module without tensors": lambda model: replace(model, "stage1.layer1.mixer.drop_path", Doubled()),
    "a module around another": lambda model: replace(model, product(model)[0], nn.Sequential(product(model)[1])),
    "a module more": in_place(lambda model: model.get_submodule("stage1").add_module("extra", Doubled())),
    "a module of another class": with_attribute("__class__", Scaled, lambda model: product(model)[1]),
    "another epsilon": with_attribute("eps", 0.1, norm),
    "another padding": with_attribute("padding_mode", "reflect", first_convolution),
    "pruned": in_place(pruned),
    "parametrized": in_place(parametrized),
    "weight norm": in_place(lambda model: parametrizations.weight_norm(product(model)[1])),
    "orthogonal": in_place(lambda model: parametrizations.orthogonal(model.get_submodule("head.linear"))),
    "a buffer more": in_place(lambda model: model.register_buffer("steps", torch.zeros(()))),
    "a parameter more": in_place(
        lambda model: norm(model).register_parameter("scale", nn.Parameter(torch.ones(8)))
    ),
    "a bias less": with_attribute("bias", None, lambda model: product(model)[1]),
    "NaN": with_value(float("nan")),
    "infinity": with_value(float("inf")),
    "one module in float64": in_place(lambda model: norm(model).double()),
    "complex weights": in_place(lambda model: to_complex(norm(model))),
    "an exchanged layer": in_place(exchanged_layer),
    "another forward": in_place(lambda model: other_forward(product(model)[1])),
    "another forward of the whole": in_place(other_forward),
    "within Sequential": lambda model: nn.Sequential(model),
}  # fmt: skip
"""What no checkpoint can hold."""

SAVED: Mapping[str, Mutation] = {
    "nothing": lambda model: model,
    "within DataParallel": lambda model: nn.DataParallel(model),
    "within an average": averaged,
    "within torch.compile": compiled,
    "trained": in_place(lambda model: [parameter.data.mul_(1.1) for parameter in model.parameters()]),
    "in training": in_place(lambda model: model.train()),
    "frozen": in_place(lambda model: model.requires_grad_(False)),
    "frozen in part": in_place(lambda model: norm(model).eval()),
    "copied": copy.deepcopy,
    "pickled": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301
    "another classifier of the same shape": lambda model: replace(model, "head.linear", nn.Linear(16, 5)),
    "in float64": in_place(lambda model: model.double()),
    "in bfloat16": in_place(lambda model: model.bfloat16()),
    "channels last": in_place(channels_last),
    "pruned for good": in_place(pruned_for_good),
    "tied weights": in_place(tied),
    "a weight within another": in_place(part_of_another),
    "a weight that is not contiguous": in_place(transposed),
    "one layout after another": in_place(lambda model: (transposed(model), channels_last(model))),
    "another rate": with_attribute("rate", 0.3, first_dropout),
    "synchronized norms": synchronized,
    "recomputed": lambda model: sparx_dsl.recompute(model, "1GiB"),
    "compiled in place": in_place(lambda model: norm(model).compile(backend="eager")),
    "a note": with_attribute("note", "from the third run", norm),
    "a buffer that is not saved": in_place(
        lambda model: model.register_buffer("seen", torch.zeros(3), persistent=False)
    ),
    "an observing hook": in_place(hooked),
}
"""What leaves the model the one that its spec describes."""
