"""The backend ``cpu``: tensors in, the compiled library's functions, tensors out."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library

KINDS = {torch.float32: 0, torch.bfloat16: 1}
"""The dtypes of activations, by the numbers that the library knows them by."""


def scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
) -> Tensor:
    """The selective scan; arguments and result as ``torch.ops.sparx_dsl.selective_scan`` has them."""
    inputs = _scan_inputs(u, delta, A, B, C, D, delta_bias)
    y = torch.empty_like(inputs["u"])
    _scan("scan_forward", inputs | {"y": y}, softplus)
    return y.transpose(1, 2)


def scan_backward(
    gradient: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    """The derivatives of the scan's seven tensors, in their dtypes."""
    inputs = _scan_inputs(u, delta, A, B, C, D, delta_bias)
    inputs["gradient"] = _by_position(gradient, u.dtype)
    pairs = {"u": "du", "delta": "d_delta", "into": "d_into", "out": "d_out", "rate": "d_rate"}
    found = {made: torch.empty_like(inputs[of]) for of, made in (pairs | {"bias": "d_bias", "skip": "d_skip"}).items()}
    _scan("scan_backward", inputs | found, softplus)
    du, d_delta = found["du"].transpose(1, 2), found["d_delta"].transpose(1, 2).to(delta.dtype)
    dD = None if D is None else found["d_skip"].to(D.dtype)
    d_bias = None if delta_bias is None else found["d_bias"].to(delta_bias.dtype)
    return du, d_delta, found["d_rate"].to(A.dtype), found["d_into"].to(B.dtype), found["d_out"].to(C.dtype), dD, d_bias


def ss2d(x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> Tensor:
    """The fused SS2D; arguments and result as ``torch.ops.sparx_dsl.ss2d_scan`` has them."""
    inputs = _ss2d_inputs(x, projected, dt_weight, dt_bias, A, D)
    y = torch.empty_like(inputs["x"])
    _ss2d("ss2d_forward", inputs | {"y": y}, dt_weight.shape[2], A.shape[1])
    return y.permute(0, 3, 1, 2)


def ss2d_over(x: Tensor, projected: Tensor, parameters: dict[str, Tensor]) -> None:
    """The fused SS2D of a map (batch, inner, height, width), dense with its channels innermost, written over it.

    ``projected`` is as in ``ss2d``, of the map's dtype; the parameters are those that ``ss2d_parameters`` gives. Raises
    ``ValueError`` for what the kernel would read or write beyond.
    """
    positions, (batch, inner, height, width) = dense_positions(x), x.shape
    rank, states = (math.prod(parameters[name].shape[1:2]) for name in ("weight", "rate"))
    shapes = {"weight": (4, rank, inner), "bias": (4, inner), "rate": (4, states, inner), "skip": (4 * inner,)}
    for name, tensor in parameters.items():
        if tensor.shape != shapes[name] or tensor.dtype != torch.float32 or not tensor.is_contiguous():
            raise ValueError(f"{name} is {tuple(tensor.shape)}, not a dense {shapes[name]} of float32")
    if projected.shape != (batch, height, width, 4 * (rank + 2 * states)) or projected.dtype != x.dtype:
        raise ValueError(f"what is projected is {tuple(projected.shape)}, and the map {tuple(x.shape)}")
    tensors = {"x": positions, "projected": projected.contiguous(), "y": positions} | parameters
    _ss2d("ss2d_forward", tensors, rank, states)


def dense_positions(x: Tensor) -> Tensor:
    """A map by positions, (batch, height, width, channels); ``ValueError`` where that is not how it lies, densely."""
    positions = x.permute(0, 2, 3, 1)
    if not positions.is_contiguous():
        raise ValueError("only a map that is dense with its channels innermost can be written over")
    return positions


def ss2d_backward(
    gradient: Tensor, x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The derivatives of SS2D's six tensors, in their dtypes."""
    inputs = _ss2d_inputs(x, projected, dt_weight, dt_bias, A, D)
    inputs["gradient"] = gradient.permute(0, 2, 3, 1).to(x.dtype).contiguous()
    pairs = {"x": "dx", "projected": "d_projected", "bias": "d_bias", "skip": "d_skip"}
    found = {made: torch.empty_like(inputs[of]) for of, made in pairs.items()}
    found |= {name: _floats(of.shape) for name, of in (("d_weight", dt_weight), ("d_rate", A))}
    _ss2d("ss2d_backward", inputs | found, dt_weight.shape[2], A.shape[1])
    return (
        found["dx"].permute(0, 3, 1, 2),
        found["d_projected"].to(projected.dtype),
        found["d_weight"].to(dt_weight.dtype),
        found["d_bias"].to(dt_bias.dtype),
        found["d_rate"].to(A.dtype),
        found["d_skip"].to(D.dtype),
    )


def _floats(shape: torch.Size) -> Tensor:
    """Memory for float32 numbers on the CPU, whatever torch's defaults for new tensors are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def _by_position(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, channels, length) to a dense (batch, length, channels); no copy where the memory is so already."""
    return tensor.transpose(1, 2).to(dtype).contiguous()


def _scan_inputs(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, delta_bias: Tensor | None
) -> dict[str, Tensor]:
    none = _floats(u.shape[1:2]).zero_()
    return {
        "u": _by_position(u, u.dtype),
        "delta": _by_position(delta, u.dtype),
        "into": B.to(u.dtype).contiguous(),
        "out": C.to(u.dtype).contiguous(),
        "rate": A.float().contiguous(),
        "bias": none if delta_bias is None else delta_bias.float().contiguous(),
        "skip": none if D is None else D.float().contiguous(),
    }


def _scan(name: str, tensors: dict[str, Tensor], softplus: bool) -> None:
    u, into = tensors["u"], tensors["into"]
    if not u.numel():
        _clear(tensors)
        return
    addresses = {key: tensor.data_ptr() for key, tensor in tensors.items()}
    arguments = library.ScanArguments(
        batch=u.shape[0],
        length=u.shape[1],
        channels=u.shape[2],
        groups=into.shape[1],
        states=into.shape[2],
        softplus=int(softplus),
        kind=KINDS[u.dtype],
        threads=torch.get_num_threads(),
        **addresses,
    )
    library.function(name)(arguments)


def _ss2d_inputs(
    x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor
) -> dict[str, Tensor]:
    found = {"x": x.permute(0, 2, 3, 1).contiguous(), "projected": projected.to(x.dtype).contiguous()}
    return found | ss2d_parameters(dt_weight, dt_bias, A, D)


def ss2d_parameters(dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor) -> dict[str, Tensor]:
    """SS2D's parameters as the kernel reads them, in float32, with the channels innermost.

    Gives weight (4, R, inner), bias (4, inner), rate (4, N, inner) and skip (4·inner,).
    """
    return {
        "weight": dt_weight.float().transpose(1, 2).contiguous(),
        "bias": dt_bias.float().contiguous(),
        "rate": torch.unflatten(A.float(), 0, (len(dt_weight), -1)).transpose(1, 2).contiguous(),
        "skip": D.float().contiguous(),
    }


def _ss2d(name: str, tensors: dict[str, Tensor], rank: int, states: int) -> None:
    x = tensors["x"]
    if not x.numel():
        _clear(tensors)
        return
    addresses = {key: tensor.data_ptr() for key, tensor in tensors.items()}
    arguments = library.SS2DArguments(
        batch=x.shape[0],
        height=x.shape[1],
        width=x.shape[2],
        channels=x.shape[3],
        rank=rank,
        states=states,
        kind=KINDS[x.dtype],
        threads=torch.get_num_threads(),
        **addresses,
    )
    library.function(name)(arguments)


def _clear(tensors: dict[str, Tensor]) -> None:
    """Nothing comes of no positions: the derivatives are zeros."""
    for name, tensor in tensors.items():
        if name.startswith("d_"):
            tensor.zero_()
