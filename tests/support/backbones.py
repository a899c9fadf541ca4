"""Small specs that hold much of the language, as plain values."""

from __future__ import annotations

from typing import Any

MIXERS: dict[str, dict[str, object]] = {
    "ss2d": {"kind": "ss2d"},
    "ssm": {"kind": "ssm", "state": 2},
    "bi_ssm": {"kind": "bi_ssm", "state": 2},
    "depthwise": {"kind": "depthwise", "kernel": 3, "ratio": 2},
    "window_attention": {"kind": "window_attention", "head_width": 4, "window": 3},
}
SCAN_MIXERS: dict[str, dict[str, object]] = {
    "local_ss2d": {"kind": "local_ss2d", "state": 2, "directions": ["columns", "rows_reversed", "window2"]},
    "atrous_ss2d": {"kind": "atrous_ss2d", "state": 2},
    "continuous_ss2d": {"kind": "continuous_ss2d", "state": 2, "conv": 3},
    "inverted_residual": {"kind": "inverted_residual", "ratio": 2},
    "ssd": {"kind": "ssd", "state": 2, "heads": 2},
    "inception": {"kind": "inception", "band": 5, "branch": 3},
}
"""Mixers of baselines, most of which scan; what takes a compiler or an exporter runs over one backbone of them all."""


def scans(**changes: object) -> dict[str, Any]:
    """One layer with each of these mixers, and a ganglion layer with each, as plain values."""
    layers = {place: {"mixer": mixer} for place, mixer in enumerate(SCAN_MIXERS.values(), start=1)}
    spec: dict[str, Any] = {
        "sparx": 1,
        "name": "scans",
        "input": {"size": 12},
        "stem": {"kind": "patch", "size": 2},
        "layer": {"mixer": MIXERS["depthwise"], "ffn": {"kind": "none"}},
        "stages": [
            {"channels": 8, "depth": len(layers), "layers": layers},
            {"channels": 8, "depth": len(layers), "S": 1, "M": 1, "layers": layers},
        ],
        "head": {"kind": "linear", "classes": 3},
    }
    return spec | changes


def small(mixer: str, **changes: object) -> dict[str, object]:
    """Two stages with one mixer throughout, as plain values: the smallest spec with a gather."""
    spec: dict[str, object] = {
        "sparx": 1,
        "name": mixer,
        "input": {"size": 24},
        "stem": {"kind": "conv"},
        "layer": {"mixer": (MIXERS | SCAN_MIXERS)[mixer], "ffn": {"kind": "conv", "ratio": 1}},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 16, "depth": 2, "S": 1}],
        "head": {"kind": "linear", "classes": 3},
    }
    return spec | changes


def mixed(**changes: object) -> dict[str, object]:
    """Every mixer, fusion and FFN in one backbone of three stages, with an adapted link."""
    spec: dict[str, object] = {
        "sparx": 1,
        "name": "mixed",
        "input": {"size": 32},
        "stem": {"kind": "conv"},
        "layer": {"mixer": MIXERS["ss2d"], "norm": "batch", "layer_scale": 1.0},
        "stages": [
            {"channels": 8, "depth": 2, "layers": {2: {"mixer": MIXERS["ssm"]}}},
            {
                "channels": 16,
                "depth": 2,
                "S": 1,
                "layer": {"mixer": MIXERS["window_attention"], "ffn": {"kind": "mlp"}},
            },
            {"channels": 16, "depth": 2, "S": 2, "layer": {"mixer": MIXERS["bi_ssm"], "fusion": {"kind": "concat"}}},
        ],
        "links": {"add": [{"from": "stage1.layer2", "to": "stage3.layer2"}]},
        "head": {"kind": "linear", "classes": 8},
    }
    return spec | changes


def attending(**changes: object) -> dict[str, object]:
    """Attention to whole maps, to maps that are made smaller and to pooled ones, with what PVTv2 has around it."""
    reduced = {"kind": "spatial_reduction_attention", "head_width": 4}
    spec: dict[str, object] = {
        "sparx": 1,
        "name": "attending",
        "input": {"size": 32},
        "stem": {"kind": "overlapping"},
        "downsample": {"kind": "conv", "norm": "layer"},
        "layer": {"mixer": {"kind": "attention", "heads": 2}, "ffn": {"kind": "depthwise_mlp", "ratio": 2}},
        "stages": [
            {"channels": 8, "depth": 1, "end_norm": True, "layer": {"mixer": {**reduced, "reduction": "pool"}}},
            {"channels": 16, "depth": 2, "S": 1, "end_norm": True, "layer": {"mixer": {**reduced, "reduction": 2}}},
            {"channels": 16, "depth": 2, "S": 2, "end_norm": True},
        ],
        "head": {"kind": "linear", "classes": 3, "norm": "none"},
    }
    return spec | changes


def tiny(**changes: object) -> dict[str, object]:
    """A small backbone of three stages with every kind of connection, as plain values."""
    spec: dict[str, object] = {
        "sparx": 1,
        "name": "tiny",
        "input": {"size": 32},
        "stem": {"kind": "conv"},
        "layer": {"mixer": {"kind": "window_attention", "head_width": 4, "window": 3}, "norm": "batch"},
        "stages": [
            {"channels": 8, "depth": 2},
            {"channels": 16, "depth": 4, "S": 2, "cross_stage": "window"},
            {"name": "deep", "channels": 16, "depth": 3, "S": 1, "M": 2, "cross_stage": "every"},
        ],
        "links": {
            "add": [{"from": "stage1.layer2", "to": "deep.layer1"}, {"from": "stage2.layer1", "to": "deep.layer2"}]
        },
        "head": {"kind": "linear", "classes": 3},
    }
    return spec | changes


TWO_STAGES = """\
sparx: 1
name: base
stem: {kind: conv}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 8, depth: 2}
  - {name: deep, channels: 16, depth: 4, S: 2}
head: {kind: linear, classes: 10}
"""
"""Two stages as a text; the second has a name of its own, and ganglion layers."""
