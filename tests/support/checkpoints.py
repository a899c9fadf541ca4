"""Small backbones of the families whose checkpoints are read, and their states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.kinds.checkpoint import ReleasedFormat
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import load_checkpoint

RELEASED: tuple[ReleasedFormat, ...] = ("sparx_mamba", "vmamba", "swin")
"""The families, by the names of their formats."""

SMALL: dict[str, dict[str, Any]] = {
    "sparx_mamba": {
        "sparx": 1, "name": "small", "input": {"channels": 3, "size": 32},
        "stem": {"kind": "conv", "convs": 3, "norm": "batch"}, "downsample": {"kind": "conv", "norm": "batch"},
        "layer": {"dpe": True, "mixer": {"kind": "ss2d", "conv": 5}, "ffn": {"kind": "conv"}, "norm": "group"},
        "stages": [{"channels": 8, "depth": 2}, {"channels": 16, "depth": 3, "S": 2, "layer": {"layer_scale": 1.0}}],
        "head": {"kind": "linear", "classes": 5},
    },
    "vmamba": {
        "sparx": 1, "name": "small", "input": {"channels": 3, "size": 32},
        "stem": {"kind": "conv", "norm": "layer"}, "downsample": {"kind": "conv", "norm": "layer"},
        "layer": {"mixer": {"kind": "ss2d", "bias": False}, "ffn": {"kind": "mlp"}, "norm": "layer"},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 16, "depth": 2}],
        "head": {"kind": "linear", "classes": 5},
    },
    "swin": {
        "sparx": 1, "name": "small", "input": {"channels": 3, "size": 32},
        "stem": {"kind": "patch", "size": 4, "norm": "layer"}, "downsample": {"kind": "merge", "norm": "layer"},
        "layer": {"mixer": {"kind": "window_attention", "window": 4, "head_width": 4}, "ffn": {"kind": "mlp"},
                  "norm": "layer"},
        "stages": [{"channels": 8, "depth": 2}, {"channels": 16, "depth": 2}],
        "head": {"kind": "linear", "classes": 5},
    },
}  # fmt: skip
"""A backbone of a few thousand parameters for each family."""


def small(family: str, seed: int = 0, **build: Any) -> Backbone:
    """The small backbone of a family; every value of it, counters too, drawn from the seed."""
    model = sparx_dsl.build(SMALL[family], **build).eval()
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            drawn = torch.rand(value.shape, generator=stream) - (-0.5 if name.endswith("running_var") else 0.5)
            value.copy_(drawn / 2 if value.is_floating_point() else torch.tensor(seed + 3))
    return model


def image(seed: int = 1) -> Tensor:
    """Two small images."""
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    """Copies of all values of a model."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states agree in names, shapes, dtypes and every bit."""
    return first.keys() == second.keys() and all(
        value.dtype == second[name].dtype and torch.equal(value, second[name]) for name, value in first.items()
    )


def load_refusal(model: torch.nn.Module, source: Any, **options: Any) -> list[sparx_dsl.Diagnostic]:
    """What loading is refused for; the model must be as it was."""
    before = snapshot(model)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_checkpoint(model, source, **options)
    assert same(before, snapshot(model))
    return list(caught.value.diagnostics)
