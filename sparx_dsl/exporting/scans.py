"""The scans as programs of plain operators for other runtimes, which run one operator over a whole tensor at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparx_dsl.ops import chunked, pipeline
from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs


def selective_scan(*arguments: Any) -> Tensor:
    """The operator ``selective_scan``, from its arguments: (batch, channels, length)."""
    *scan, _ = arguments
    return chunked.scan(ScanInputs(*scan))


def ss2d_scan(*arguments: Any) -> Tensor:
    """The operator ``ss2d_scan``, from its arguments: (batch, inner, height, width)."""
    *scan, _ = arguments
    inputs = SS2DInputs(*scan)
    sequences, _ = pipeline.walk_all(inputs)
    merged = pipeline.merge(chunked.scan(sequences._replace(D=None)), *inputs.x.shape[2:])
    # The four walks read one map, so that their D's are one.
    skip = torch.unflatten(inputs.D, 0, inputs.dt_bias.shape).sum(0)
    return torch.addcmul(merged, inputs.x, skip[:, None, None])


def softplus(z: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Softplus of any shape, from operators that runtimes have vectorised; other forms than the scans' are left."""
    if beta != 1 or threshold < 20:
        return NotImplemented
    decayed = torch.exp(-z.abs())
    above = 1 + decayed
    # The difference is what rounding took from 1 + decayed, which is much of the logarithm where that is close to 1.
    return torch.relu(z) + (torch.log(above) + (decayed - (above - 1)))
