"""Small backbones with a head that reads every stage."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

import sparx_dsl

KINDS = ("semantic_fpn", "upernet")
EACH = pytest.mark.parametrize("kind", KINDS)


def small(kind: str, **options: Any) -> sparx_dsl.Spec:
    """Three stages with a ganglion layer in the second, and a narrow head of that kind."""
    return sparx_dsl.parse_spec({
        "sparx": 1, "name": "small", "input": {"size": [32, 48]}, "stem": {"kind": "conv"},
        "layer": {"mixer": {"kind": "window_attention", "heads": 2}, "fusion": {"kind": "concat"}},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 16, "depth": 2, "S": 2}, {"channels": 24, "depth": 1}],
        "head": {"kind": kind, "classes": 5, "pyramid_channels": 8, **options},
    })  # fmt: skip


def several(results: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One result or the two of training, as a tuple."""
    return results if isinstance(results, tuple) else (results,)
