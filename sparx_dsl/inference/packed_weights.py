"""Modules for inference that keep tensors packed from their weights, and when these may be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from sparx_dsl.inference.stand_in import StandIn
from sparx_dsl.nn.stage import has_global_hooks
from sparx_dsl.ops.forward_mode import has_tangent


class PackedWeights(StandIn):
    """What a module adds that keeps tensors made of its weights in ``packed``, and packs other weights again.

    A weight that is another, or was written to, is seen; what is written through ``weight.data`` is not.
    """

    packs: tuple[str, ...]
    """The names of the parameters that are packed."""
    packed: dict[Any, Any]
    sources: tuple[tuple[str, Tensor | None, int | None], ...]
    """The parameters that were packed, and how often each had been written to; None for those of inference mode."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.clear()

    def clear(self) -> None:
        """Drop all that is packed, since the weights are others."""
        self.packed = {}
        parameters = ((name, self._parameters.get(name)) for name in self.packs)
        self.sources = tuple((name, each, None if each is None else version_of(each)) for name, each in parameters)

    def is_plain_inference(self, x: Tensor, weight: Tensor, *others: Tensor | None) -> bool:
        """Whether kernels without a derivative give what plain operators would for x, a weight, and others, on the CPU.

        That is outside of autograd, autocast, functional transforms, tracers, exporters and other observers of
        operators, with x of the weight's dtype; all may be of any shape. Compilers keep such kernels as they are. What
        was packed of other weights is dropped.
        """
        plain = (
            x.dtype == weight.dtype
            and x.is_cpu
            and not (torch.is_grad_enabled() and takes_gradients(x, weight, *others))
            and not torch.is_autocast_enabled("cpu")
        )
        if torch.compiler.is_compiling():
            return plain and not torch.compiler.is_exporting()
        self.clear_stale()
        return plain and not transformed(x)

    def is_ready(self, x: Tensor) -> bool:
        """Whether packed kernels give what a call of this module with x (batch, channels, height, width) would.

        That is where nothing looks on at operators of x, which is for the caller to know, nor at the module. What was
        packed of other weights is dropped.
        """
        if self.has_hooks():
            return False
        self.clear_stale()
        weight = self._parameters.get("weight")
        return weight is not None and weight.dtype == x.dtype and "bias" in self._parameters

    def clear_stale(self) -> None:
        """Drop what was packed of other weights than those that the module has now; compiled code has nothing here."""
        # Asked before every product: a module's own attribute look-up takes longer than all of this.
        parameters = self._parameters
        for name, source, version in self.sources:
            weight = parameters.get(name)
            if weight is not source or (version is not None and weight is not None and weight._version != version):  # pyright: ignore[reportPrivateUsage]
                self.clear()
                return

    def has_hooks(self) -> bool:
        """Whether something wants to see what the module itself is given, or gives, or does so in its place."""
        state = vars(self)
        return bool(state["_forward_hooks"] or state["_forward_pre_hooks"] or "forward" in state)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow ``.to()`` and its like."""
        super()._apply(fn, recurse)  # pyright: ignore[reportUnknownMemberType]
        self.clear()
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Follow ``load_state_dict``."""
        super()._load_from_state_dict(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self.clear()

    def __getstate__(self) -> dict[str, Any]:
        """All but what is packed, and of what, which a copy finds again."""
        return {name: value for name, value in vars(self).items() if name not in ("packed", "sources")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self.clear()


def nothing_looks_on(x: Tensor) -> bool:
    """Whether plain inference is all that happens to x, a tensor of any shape, on the CPU.

    As ``PackedWeights.is_plain_inference`` has it, and without gradients at all, compilers, and hooks on all modules.
    """
    return not (
        torch.is_grad_enabled()
        or not x.is_cpu
        or torch.is_autocast_enabled("cpu")
        or torch.compiler.is_compiling()
        or has_global_hooks()
        or transformed(x)
    )


def is_compiled_plainly(*tensors: Tensor) -> bool:
    """Whether a compiler follows plain inference on the CPU, of tensors of any shape: it keeps kernels as operators."""
    return (
        torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and all(tensor.is_cpu for tensor in tensors)
        and not torch.is_autocast_enabled("cpu")
        and not (torch.is_grad_enabled() and takes_gradients(*tensors))
    )


def takes_gradients(*tensors: Tensor | None) -> bool:
    """Whether a gradient of any of these tensors, of any shape, is asked for."""
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)


def transformed(x: Tensor) -> bool:
    """Whether derivatives in forward mode are asked for, or a transform, a tracer or a mode of operators is at work.

    x may be of any shape.
    """
    # Exporters and compilers are no matter here; of PyTorch's own questions the shortest are asked.
    return (
        torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
        or torch._C._len_torch_dispatch_stack() > 0  # pyright: ignore[reportPrivateUsage]
        or torch._C._is_tracing()  # pyright: ignore[reportPrivateUsage]
        or has_tangent(x)
    )


def version_of(weight: Tensor) -> int | None:
    """How often a tensor of any shape was written to; None for one of inference mode, which does not count."""
    return None if weight.is_inference() else weight._version  # pyright: ignore[reportPrivateUsage]
