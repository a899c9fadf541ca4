"""A step of training: loss, gradients and statistics, and what autograd holds between its passes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from sparx_dsl.lowering import Backbone


def images_of(model: Backbone, batch: int) -> Tensor:
    """Random images of the spec's size."""
    torch.manual_seed(1)
    return torch.randn(batch, model.spec.input.channels, *model.spec.input.size)


def loss_of(model: Backbone, images: Tensor) -> Tensor:
    """A number that depends on every result; the drop path is drawn from a fixed seed."""
    torch.manual_seed(2)
    results = model(images)
    several = [results] if isinstance(results, Tensor) else list(results)
    return torch.stack([result.square().sum() for result in several]).sum()


def step(model: Backbone, images: Tensor) -> dict[str, Tensor]:
    """Loss, gradients and running statistics after one step of training from where the model is."""
    loss = loss_of(model, images)
    gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    # Without use there is no gradient, of which torch's types do not speak.
    named = zip(dict(model.named_parameters()), cast("Sequence[Tensor | None]", gradients), strict=True)
    found = {f"gradient of {name}": gradient for name, gradient in named if gradient is not None}
    return {"loss": loss.detach(), **found, **{name: value.clone() for name, value in model.named_buffers()}}


class Held:
    """A tensor that autograd holds; it is let go of with the graph."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def saved_bytes(model: Backbone, images: Tensor) -> int:
    """The bytes of distinct memory, other than the model's own, that autograd holds once the forward pass is done."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    held: list[weakref.ref[Held]] = []

    def pack(tensor: Tensor) -> Held:
        box = Held(tensor)
        held.append(weakref.ref(box))
        return box

    unpack: Callable[[Held], Tensor] = lambda box: box.tensor  # noqa: E731
    with saved_tensors_hooks(pack, unpack):
        loss = loss_of(model, images)
    boxes = [box for box in (reference() for reference in held) if box is not None]
    storages = {box.tensor.untyped_storage().data_ptr(): box.tensor.untyped_storage().nbytes() for box in boxes}
    assert loss.requires_grad
    return sum(size for pointer, size in storages.items() if pointer not in own)
