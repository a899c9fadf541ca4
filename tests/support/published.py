"""The weights and inputs with which published implementations computed the arrays in ``tests/reference``.

Each value depends on a parameter's name and shape alone: standard normal numbers of NumPy's frozen MT19937
stream, seeded by the CRC-32 of the name, then shifted and scaled by what kind of parameter it is.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tests.support.paths import TESTS

FOLDER = TESTS / "reference"


@dataclass(frozen=True)
class Golden:
    """One published implementation: its state, an input, and what it made of that input."""

    state: dict[str, Tensor]
    input: Tensor
    outputs: dict[str, Tensor]


def load_golden(name: str) -> Golden:
    """Read ``name.npz`` and make the weights and the input that belong to it."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        shapes = json.loads(str(archive["state_shapes"]))
        input_shape = tuple(int(side) for side in archive["input_shape"])
        facts = {key for key in archive.files if key not in {"state_shapes", "input_shape"}}
        outputs = {key: torch.from_numpy(archive[key]) for key in sorted(facts)}
    state = {key: reference_value(key, tuple(shape)) for key, shape in shapes.items()}
    label = "input" + "x".join(str(side) for side in input_shape)
    return Golden(state, normal_numbers(label, input_shape).float(), outputs)


def normal_numbers(label: str, shape: tuple[int, ...]) -> Tensor:
    """Standard normal float64 numbers that depend on the label and the shape only."""
    stream = np.random.RandomState(zlib.crc32(label.encode()))
    return torch.from_numpy(np.asarray(stream.standard_normal(shape)))


def reference_value(name: str, shape: tuple[int, ...]) -> Tensor:
    """The value of the reference model's parameter or buffer of that name: float32, or int64 for a counter."""
    leaf = name.split(".")[-1]
    if leaf == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    centre, spread = centre_and_spread(name, leaf, shape)
    numbers = normal_numbers(name, shape)
    value = torch.exp(spread * numbers) if leaf == "running_var" else centre + spread * numbers
    return value.float()


def centre_and_spread(name: str, leaf: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of a parameter's numbers (of their logarithm for a running variance)."""
    if leaf in {"running_mean", "running_var"}:
        return 0.0, 0.1
    if leaf in {"A_logs", "A_log", "A_b_log"}:
        return 0.0, 0.5
    if leaf in {"Ds", "D", "D_b"}:
        return 1.0, 0.1
    if name.endswith(("dt_projs_bias", "dt_proj.bias", "dt_proj_b.bias")):
        return -3.0, 0.5
    if len(shape) <= 1 or ("layerscale" in name and leaf == "weight"):
        return (1.0 if leaf == "weight" else 0.0), 0.1
    return 0.0, float(np.prod(shape[1:])) ** -0.5
