"""Products over channels and convolutions for inference on CPU, as operators that a compiled graph can hold.

Modules for inference keep packed weights themselves. A compiled graph can hold neither these nor such a module, so
``product`` and ``convolution``, which importing this module registers under ``torch.ops.sparx_dsl``, take the weights
as they are, and what is packed of a weight is kept for as long as that lives. Compilers keep them as they are, and fuse
what is around them. Both check their arguments, in the body and in the fake implementation.
"""

# pyright: reportUnknownMemberType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sparx_dsl.ops.arguments import given, require, require_memory, sizes
from sparx_dsl.ops.onednn import PRIMITIVES, Activation, Geometry, channels_last
from sparx_dsl.ops.packed_convolutions import PRODUCT, is_compiled, pack

Form = TypeVar("Form")

MOST_FORMS = 4
"""How many arrangements of a weight are kept: the blocks that suit a convolution depend on the shape of its map."""

LIBRARY = torch.library.Library("sparx_dsl", "FRAGMENT")
"""Holds these operators for as long as this module lives."""

LIBRARY.define("product(Tensor x, Tensor weight, Tensor? bias, str activation) -> Tensor")
LIBRARY.define(
    "convolution(Tensor x, Tensor weight, Tensor? bias, int[] padding, int[] stride, int[] dilation, int groups, "
    "str activation) -> Tensor"
)


def product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """A product over the channels of a map (batch, channels, height, width), and its activation.

    The weight is (out_channels, channels, 1, 1), or (parts, out_channels / parts, channels) as SS2D has it, the bias
    (out_channels,), the result (batch, out_channels, height, width), channels-last.
    """
    return cast(Tensor, torch.ops.sparx_dsl.product(x, weight, bias, activation))


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, activation: Activation) -> Tensor:
    """A convolution of a map (batch, channels, height, width), and its activation; the result is channels-last.

    The weight is (out_channels, channels / groups, rows, columns), the bias (out_channels,).
    """
    return cast(Tensor, torch.ops.sparx_dsl.convolution(x, weight, bias, *geometry, activation))


@dataclass(slots=True)
class _Packed:
    """The forms of a weight that was written to so often, and lay at this address."""

    written: tuple[int, int]
    forms: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any])


class PackedForms:
    """What is packed of weights, which is dropped with them, and made again of one that was written to or moved.

    What is written through ``weight.data``, or in inference mode, is not seen.
    """

    def __init__(self) -> None:
        self._packed = WeakTensorKeyDictionary()

    def of(self, weight: Tensor, form: Hashable, pack: Callable[[], Form]) -> Form:
        """That form of a weight of any shape, packed where it was not kept."""
        version = 0 if weight.is_inference() else weight._version  # pyright: ignore[reportPrivateUsage]
        written = (version, weight.data_ptr())
        packed = cast("_Packed | None", self._packed.get(weight))
        if packed is None or packed.written != written:
            packed = self._packed[weight] = _Packed(written)
        found = packed.forms.get(form)
        if found is None:
            if len(packed.forms) >= MOST_FORMS:
                packed.forms.clear()
            found = packed.forms[form] = pack()
        return found


FORMS = PackedForms()
"""A memo: results do not depend on it. A compiled graph has no other place for what it would pack in every call."""


def _check(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, activation: str) -> None:
    """Raise ``ValueError`` for arguments that the kernels would not take, or take for others."""
    channels = sizes("x", x, ("batch", "channels", "height", "width"))[1]
    out_channels, _, rows, columns = sizes("weight", weight, ("out_channels", "channels / groups", "rows", "columns"))
    require("x", x, tuple(x.shape), x)
    if groups < 1 or channels % groups or out_channels % groups:
        raise ValueError(f"{channels} channels to {out_channels} cannot be cut into {groups} groups")
    require("weight", weight, (out_channels, channels // groups, rows, columns), x)
    if bias is not None:
        require("bias", bias, (out_channels,), x)
    for name, each in (("weight", weight), ("bias", bias)):
        if each is not None and each.dtype != x.dtype:
            raise ValueError(f"{name} has dtype {each.dtype}, but x has {x.dtype}: convert one of them")
    if activation not in PRIMITIVES:
        raise ValueError(f"unknown activation {activation!r}: write one of {', '.join(PRIMITIVES)}")


def _check_product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> None:
    weight = _in_rows(given("weight", weight))
    _check(x, weight, bias, 1, activation)
    require("weight", weight, (weight.shape[0], x.shape[1], 1, 1), x)


def _in_rows(weight: Tensor) -> Tensor:
    """A weight of parts as one of (out_channels, channels, 1, 1)."""
    return weight.flatten(0, 1)[:, :, None, None] if weight.dim() == 3 else weight


def _readable(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The tensors as the primitives read them, which take weights and biases for contiguous.

    Raises ``ValueError`` for one whose memory was freed.
    """
    require_memory({"x": x, "weight": weight, "bias": bias})
    return (
        x if _is_dense(x) else x.contiguous(memory_format=torch.channels_last),
        weight if _is_dense(weight) else weight.contiguous(),
        None if bias is None else bias.contiguous(),
    )


def _is_dense(x: Tensor) -> bool:
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    _check_product(x, weight, bias, activation)
    x, weight, bias = _readable(x, weight, bias)
    return FORMS.of(weight, "product", lambda: pack(_in_rows(weight), PRODUCT, x.shape)).compute(x, bias, activation)


def _fake_product(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    _check_product(x, weight, bias, activation)
    return channels_last(x, _in_rows(weight).shape[0], (x.shape[2], x.shape[3]))


def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None, *settings: *tuple[*Geometry, Activation]) -> Tensor:
    *_, groups, activation = settings
    geometry = settings[:4]
    _check(x, weight, bias, groups, activation)
    _convolved_size(x, weight, geometry)
    x, weight, bias = _readable(x, weight, bias)
    shape = None if is_compiled(weight, geometry) else x.shape
    packed = FORMS.of(weight, (*map(str, geometry), shape), lambda: pack(weight, geometry, x.shape))
    return packed.compute(x, bias, activation).contiguous(memory_format=torch.channels_last)


def _fake_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, *settings: *tuple[*Geometry, Activation]
) -> Tensor:
    *_, groups, activation = settings
    _check(x, weight, bias, groups, activation)
    return channels_last(x, weight.shape[0], _convolved_size(x, weight, settings[:4]))


def _convolved_size(x: Tensor, weight: Tensor, geometry: Geometry) -> tuple[int, int]:
    """The height and width of a convolution's result; ``ValueError`` where there would be none."""
    padding, stride, dilation, _ = geometry
    for name, each, least in (("padding", padding, 0), ("stride", stride, 1), ("dilation", dilation, 1)):
        if len(each) != 2 or min(each) < least:
            raise ValueError(f"{name} is {[*each]}: write two numbers of at least {least}")
    if 0 in weight.shape[2:]:
        raise ValueError(f"weight has a kernel of height and width {tuple(weight.shape[2:])}: neither can be 0")
    height, width = (
        (x.shape[side + 2] + 2 * padding[side] - dilation[side] * (weight.shape[side + 2] - 1) - 1) // stride[side] + 1
        for side in (0, 1)
    )
    if height < 1 or width < 1:
        raise ValueError(f"a map of height and width {tuple(x.shape[2:])} is smaller than the kernel")
    return height, width


for _name, _implementation, _fake in (
    ("product", _product, _fake_product),
    ("convolution", _convolution, _fake_convolution),
):
    LIBRARY.impl(_name, _implementation, "CPU")
    torch.library.register_fake(f"sparx_dsl::{_name}", _fake, lib=LIBRARY)
