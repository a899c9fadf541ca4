"""Operators for inference on CPU, without derivatives: depthwise convolution, norm, SS2D, two kinds of attention.

An operator whose name ends in ``_`` writes its result over its first argument, a channels-last map (batch, channels,
height, width): allocating memory takes longer than these operators. Every one checks its arguments itself, in its body
and in its fake implementation. Importing this module registers ``depthwise_convolution``, ``map_norm``, each also with
``_``, ``ss2d_``, ``window_attention`` and ``channel_attention`` under ``torch.ops.sparx_dsl``.
"""

# pyright: reportUnknownMemberType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import require_memory, require_no_overlap
from sparx_dsl.ops.cpu import kernels, maps
from sparx_dsl.ops.map_arguments import (
    check_channel_attention,
    check_depthwise,
    check_in_place,
    check_map_norm,
    check_ss2d,
    check_window_attention,
    is_channels_last,
)

LIBRARY = torch.library.Library("sparx_dsl", "FRAGMENT")
"""Holds these operators for as long as this module lives."""
IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {}
"""What the operators do on CPU, by their names; filled below, once."""

LIBRARY.define("depthwise_convolution(Tensor x, Tensor weight, Tensor bias, str activation) -> Tensor")
LIBRARY.define("depthwise_convolution_(Tensor(a!) x, Tensor weight, Tensor bias, str activation) -> ()")
LIBRARY.define("map_norm(Tensor x, Tensor weight, Tensor bias, float epsilon) -> Tensor")
LIBRARY.define("map_norm_(Tensor(a!) x, Tensor weight, Tensor bias, float epsilon) -> ()")
LIBRARY.define("ss2d_(Tensor(a!) x, Tensor projected, Tensor weight, Tensor bias, Tensor rate, Tensor skip) -> ()")
LIBRARY.define("window_attention(Tensor x, Tensor bias, int heads, int window, int shift) -> Tensor")
LIBRARY.define("channel_attention(Tensor query, Tensor key, Tensor value, Tensor? own, int groups) -> Tensor")


def depthwise_convolution(
    x: Tensor, weight: Tensor, bias: Tensor, activation: str, *, may_overwrite: bool = False
) -> Tensor:
    """A depthwise convolution of stride 1 that keeps the map's size, and ``none``, ``gelu`` or ``silu`` of it.

    (batch, channels, height, width) to the same shape, channels-last; weight and bias as ``maps.packed`` returns
    them. With ``may_overwrite`` the result is written over x, where it can be: nothing else may read x then.
    """
    if may_overwrite and can_overwrite(x):
        _call("depthwise_convolution_", x, weight, bias, activation)
        mark_modified(x)
        return x
    return cast(Tensor, _call("depthwise_convolution", x, weight, bias, activation))


def map_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, *, may_overwrite: bool = False) -> Tensor:
    """GroupNorm of one group: over all of a map but the batch, with scale and shift for each channel.

    (batch, channels, height, width) to the same shape, channels-last; weight and bias (channels,) in float32.
    ``may_overwrite`` as for ``depthwise_convolution``.
    """
    if may_overwrite and is_channels_last(x):
        _call("map_norm_", x, weight, bias, epsilon)
        mark_modified(x)
        return x
    return cast(Tensor, _call("map_norm", x, weight, bias, epsilon))


def ss2d_in_place(x: Tensor, projected: Tensor, *parameters: Tensor) -> None:
    """SS2D of a map (batch, inner, height, width), written over it.

    ``projected`` as for ``ss2d_scan``, parameters from ``ss2d_parameters``.
    """
    _call("ss2d_", x, projected, *parameters)
    mark_modified(x)


def window_attention(x: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Attention within windows of a map, which begin ``shift`` positions right of and below its first one.

    Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width), channels-last; the
    bias of each pair of positions as ``maps.packed_bias`` returns it. Windows that leave the map go on at its other
    side; positions that only thereby meet, and padding of the last windows, are not attended to.
    """
    return cast(Tensor, _call("window_attention", x, bias, heads, window, shift))


def channel_attention(query: Tensor, key: Tensor, value: Tensor, own: Tensor | None, groups: int) -> Tensor:
    """GCCA: within each of the groups, channels attend to channels, by what they are over a reduced map.

    query and key (batch, channels, reduced height, reduced width), value (batch, channels, height, width); gives the
    value's shape, channels-last. With own, of the value's shape, it gives (batch, 3·channels, height, width): own, what
    was attended to and value, of whose channels 0, 3, 6, … come first, then 1, 4, 7, …, then the others.
    """
    return cast(Tensor, _call("channel_attention", query, key, value, own, groups))


def _call(name: str, x: Tensor, *others: Any) -> Any:
    """Run an operator: by its implementation where nothing looks on, since dispatching takes longer.

    Compilers, profilers, tracers and modes of operators see the operator; tensors may be of any shape.
    """
    if (
        not x.is_cpu
        or torch.compiler.is_compiling()
        or torch._C._len_torch_dispatch_stack() > 0  # pyright: ignore[reportPrivateUsage]
        or torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
        or type(x) is not Tensor
    ):
        return getattr(torch.ops.sparx_dsl, name)(x, *others)
    return IMPLEMENTATIONS[name](x, *others)


def mark_modified(x: Tensor) -> None:
    """Bump the version of a tensor of any shape, so that autograd refuses gradients that need its former values.

    Compilers follow what operators write by themselves.
    """
    if not torch.compiler.is_compiling() and not x.is_inference():
        torch.autograd.graph.increment_version(x)


def can_overwrite(x: Tensor) -> bool:
    """Whether a map (batch, channels, height, width) is channels-last, and has enough channels for all threads.

    How many threads there will be is not known where a graph is compiled.
    """
    return (torch.compiler.is_compiling() or has_blocks(x, torch.get_num_threads())) and is_channels_last(x)


def has_blocks(x: Tensor, threads: int) -> bool:
    """Whether each of so many threads finds channels of a map (batch, channels, height, width) to itself."""
    return x.shape[0] * (x.shape[1] // maps.CHANNELS_TOGETHER) >= threads


def _ss2d(x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, rate: Tensor, skip: Tensor) -> None:
    kernels.ss2d_in_place(x, projected, {"weight": weight, "bias": bias, "rate": rate, "skip": skip})


def _same_shape(x: Tensor, *_: Any) -> tuple[int, ...]:
    return tuple(x.shape)


def _value_shape(x: Tensor, *_: Any) -> tuple[int, ...]:
    """The shape of the value in query, key and value."""
    batch, channels, height, width = x.shape
    return batch, channels // 3, height, width


def _attended_shape(query: Tensor, key: Tensor, value: Tensor, own: Tensor | None, groups: int) -> tuple[int, ...]:
    """The shape of what channels attend to, alone or between two other maps."""
    batch, channels, height, width = value.shape
    return batch, channels if own is None else 3 * channels, height, width


def _register(
    name: str,
    check: Callable[..., None],
    kernel: Callable[..., Tensor | None],
    shape: Callable[..., tuple[int, ...]],
) -> None:
    """Register an operator's implementation and its fake implementation, which both check before anything else.

    ``shape`` gives the result's shape, of the arguments.
    """
    in_place = name.endswith("_")
    first, *names = signature(check).parameters

    def check_all(x: Tensor, *others: Any) -> None:
        check(x, *others)
        if in_place:
            check_in_place(x)

    def implementation(x: Tensor, *others: Any) -> Tensor | None:
        check_all(x, *others)
        read = {name: value for name, value in zip(names, others, strict=True) if isinstance(value, Tensor)}
        require_memory({first: x, **read})
        if in_place:
            require_no_overlap(x, read)
        found = kernel(x, *others)
        return None if in_place else found

    def fake(x: Tensor, *others: Any) -> Tensor | None:
        check_all(x, *others)
        batch, channels, height, width = shape(x, *others)
        return None if in_place else x.new_empty((batch, height, width, channels)).permute(0, 3, 1, 2)

    IMPLEMENTATIONS[name] = implementation
    LIBRARY.impl(name, implementation, "CPU")
    torch.library.register_fake(f"sparx_dsl::{name}", fake, lib=LIBRARY)


_register("depthwise_convolution", check_depthwise, maps.depthwise, _same_shape)
_register("depthwise_convolution_", check_depthwise, partial(maps.depthwise, in_place=True), _same_shape)
_register("map_norm", check_map_norm, maps.group_norm, _same_shape)
_register("map_norm_", check_map_norm, partial(maps.group_norm, in_place=True), _same_shape)
_register("ss2d_", check_ss2d, _ss2d, _same_shape)
_register("window_attention", check_window_attention, maps.window_attention, _value_shape)
_register("channel_attention", check_channel_attention, maps.channel_attention, _attended_shape)
