"""The backend ``cpu``: the compiled library's scans, called with tensors that the operators have checked."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import DIRECTIONS, ScanGradients, ScanInputs, SS2DGradients, SS2DInputs
from sparx_dsl.ops.cpu import library

KINDS = {torch.float32: 0, torch.bfloat16: 1}
"""The dtypes of activations, by the numbers that the library knows them by."""


def scan(inputs: ScanInputs) -> Tensor:
    """The selective scan: (batch, channels, length), channels-last."""
    y = _positions(inputs.u)
    _scan("scan_forward", inputs, None, {"y": y})
    return y.transpose(1, 2)


def scan_backward(gradient: Tensor, inputs: ScanInputs) -> ScanGradients:
    """The gradients of the scan's seven tensors, in their shapes and dtypes, from y's (batch, channels, length)."""
    u, _, A, B, C, D, delta_bias, _ = inputs
    found = {"du": _positions(u), "d_delta": _positions(u)}
    found |= {name: torch.empty(of.shape, dtype=u.dtype, device="cpu") for name, of in (("d_into", B), ("d_out", C))}
    found |= {"d_rate": _float32(A.shape), "d_bias": _float32(A.shape[:1]), "d_skip": _float32(A.shape[:1])}
    _scan("scan_backward", inputs, gradient, found)
    return (
        found["du"].transpose(1, 2),
        found["d_delta"].transpose(1, 2).to(inputs.delta.dtype),
        found["d_rate"].to(inputs.A.dtype),
        found["d_into"].to(inputs.B.dtype),
        found["d_out"].to(inputs.C.dtype),
        None if D is None else found["d_skip"].to(D.dtype),
        None if delta_bias is None else found["d_bias"].to(delta_bias.dtype),
    )


def ss2d(inputs: SS2DInputs) -> Tensor:
    """The fused SS2D: (batch, inner, height, width), channels-last."""
    tensors = _ss2d_tensors(inputs)
    y = torch.empty_like(tensors["x"])
    _ss2d("ss2d_forward", tensors | {"y": y})
    return y.permute(0, 3, 1, 2)


def ss2d_in_place(x: Tensor, projected: Tensor, parameters: dict[str, Tensor]) -> None:
    """The fused SS2D of a channels-last map (batch, inner, height, width), written over it.

    ``projected`` has the map's dtype; the parameters are those that ``ss2d_parameters`` returns.
    """
    positions = x.permute(0, 2, 3, 1)
    _ss2d("ss2d_forward", {"x": positions, "projected": projected.contiguous(), "y": positions} | parameters)


def ss2d_backward(gradient: Tensor, inputs: SS2DInputs) -> SS2DGradients:
    """The gradients of SS2D's six tensors, in their shapes and dtypes, from y's (batch, inner, height, width)."""
    tensors = _ss2d_tensors(inputs)
    tensors["gradient"] = gradient.permute(0, 2, 3, 1).to(inputs.x.dtype).contiguous()
    pairs = {"x": "dx", "projected": "d_projected", "bias": "d_bias", "skip": "d_skip"}
    found = {name: torch.empty_like(tensors[of]) for of, name in pairs.items()}
    found |= {name: _float32(of.shape) for name, of in (("d_weight", inputs.dt_weight), ("d_rate", inputs.A))}
    _ss2d("ss2d_backward", tensors | found)
    return (
        found["dx"].permute(0, 3, 1, 2),
        found["d_projected"].to(inputs.projected.dtype),
        found["d_weight"].to(inputs.dt_weight.dtype),
        found["d_bias"].to(inputs.dt_bias.dtype),
        found["d_rate"].to(inputs.A.dtype),
        found["d_skip"].to(inputs.D.dtype),
    )


def _float32(shape: torch.Size) -> Tensor:
    """Memory for float32 numbers on the CPU, whatever torch's defaults for new tensors are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def _positions(like: Tensor) -> Tensor:
    """Memory for a result of a scan over (batch, channels, length): (batch, length, channels), contiguous."""
    return torch.empty_like(like.transpose(1, 2), memory_format=torch.contiguous_format)


def _scan(name: str, inputs: ScanInputs, gradient: Tensor | None, results: dict[str, Tensor]) -> None:
    """Call one of the scan's functions, with the gradient of its result for the backward one."""
    u, delta, A, B, C, D, delta_bias, softplus = inputs
    batch, channels, length = u.shape
    zeros = _float32(A.shape[:1]).zero_()
    tensors = results | {
        "into": B.to(u.dtype).contiguous(),
        "out": C.to(u.dtype).contiguous(),
        "rate": A.float().contiguous(),
        "bias": zeros if delta_bias is None else delta_bias.float().contiguous(),
        "skip": zeros if D is None else D.float().contiguous(),
    }
    maps = {"u": u, "delta": delta} | ({} if gradient is None else {"gradient": gradient})
    sizes = batch, channels, length, *B.shape[1:3], int(softplus), KINDS[u.dtype]
    _call(name, tensors, *sizes, strided={place: _readable(map_, u.dtype) for place, map_ in maps.items()})


def _readable(map_: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length) as the scan reads it: with channels or positions as neighbours in memory."""
    map_ = map_.to(dtype)
    return map_ if 1 in map_.stride()[1:] else map_.transpose(1, 2).contiguous().transpose(1, 2)


def _ss2d_tensors(inputs: SS2DInputs) -> dict[str, Tensor]:
    x, projected, dt_weight, dt_bias, A, D = inputs
    found = {"x": x.permute(0, 2, 3, 1).contiguous(), "projected": projected.to(x.dtype).contiguous()}
    return found | ss2d_parameters(dt_weight, dt_bias, A, D)


def ss2d_parameters(dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> dict[str, Tensor]:
    """SS2D's parameters as the kernel reads them: contiguous, in float32, with the channels as the last dimension.

    Returns weight (4, R, inner), bias (4, inner), rate (4, N, inner) and skip (4·inner,).
    """
    return {
        "weight": dt_weight.float().transpose(1, 2).contiguous(),
        "bias": dt_bias.float().contiguous(),
        "rate": torch.unflatten(A.float(), 0, (DIRECTIONS, len(A) // DIRECTIONS)).transpose(1, 2).contiguous(),
        "skip": D.float().contiguous(),
    }


def _ss2d(name: str, tensors: dict[str, Tensor]) -> None:
    batch, height, width, channels = tensors["x"].shape
    rank, states = tensors["weight"].shape[1], tensors["rate"].shape[1]
    _call(name, tensors, batch, channels, height, width, rank, states, KINDS[tensors["x"].dtype])


def _call(name: str, tensors: dict[str, Tensor], *sizes: int, strided: dict[str, Tensor] | None = None) -> None:
    """Call a function whose arguments begin with those sizes; without positions, all gradients are zero."""
    if next(iter(tensors.values())).numel():
        maps = library.strided(strided or {})
        arguments = library.FUNCTIONS[name](*sizes, library.threads(), **maps, **library.addresses(tensors))
        library.function(name)(arguments)
        return
    for place, tensor in tensors.items():
        if place.startswith("d_"):
            tensor.zero_()
