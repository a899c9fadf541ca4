"""Packages of kinds as an installer leaves them, in a folder, and processes that find them there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparx_dsl.language.roles import Role
from tests.support.paths import ROOT

TOLD: Mapping[Role, str] = {
    "stem": "@property\n    def stride(self):\n        return 4",
    "downsample": "pass",
    "mixer": "def projected(self, channels):\n        return channels",
    "fusion": "pass",
    "ffn": "pass",
    "head": "def output(self, channels, height, width, image):\n        return (7,)",
}
"""What the options of each role have to tell."""

LAYERS: Mapping[Role, str] = {
    "stem": "nn.Conv2d(site.channels, site.out_channels, 4, 4, **factory)",
    "downsample": "nn.Conv2d(site.channels, site.out_channels, 3, 2, 1, **factory)",
    "mixer": "nn.Conv2d(site.channels, site.channels, 1, **factory)",
    "fusion": "nn.Conv2d(site.features * site.channels, site.out_channels, 1, **factory)",
    "ffn": "nn.Conv2d(site.channels, site.channels, 1, **factory)",
    "head": "nn.Linear(site.channels, 7, **factory)",
}
"""The one layer with weights that the module of each role has."""

RESULTS: Mapping[Role, str] = {
    **dict.fromkeys(LAYERS, "self.layer(inputs[-1])"),
    "head": "self.layer(inputs[-1].mean((2, 3)))",
}

COSTS: Mapping[Role, str] = {
    "stem": "tape.convolution(inputs[-1], site.out_channels, 4, 4, padding=0)",
    "downsample": "tape.convolution(inputs[-1], site.out_channels, 3, 2)",
    "mixer": "tape.convolution(inputs[-1], site.channels)",
    "fusion": "tape.convolution(inputs[-1], site.out_channels)",
    "ffn": "tape.convolution(inputs[-1], site.channels)",
    "head": "tape.linear(tape.new(inputs[-1].shape[0], site.channels), 7, bias=True)",
}

OPTIONS = """
from typing import Literal

from sparx_dsl import Kind
from sparx_dsl.language.base import Problem
from sparx_dsl.language.roles import DownsampleOptions, FfnOptions, FusionOptions
from sparx_dsl.language.roles import HeadOptions, MixerOptions, StemOptions


class Own({base}, frozen=True):
    kind: Literal["{name}"] = "{name}"

    {told}


KIND = Kind(role="{role}", name="{name}", options=Own, module="{package}.module:build", cost="{package}.cost:forward")
"""

MODULE = """
import torch
from torch import nn


class Module(nn.Module):
    def __init__(self, site, **factory):
        super().__init__()
        self.layer = {layer}

    def forward(self, *inputs):
        return {result}


def build(options, site, *, device=None, dtype=None):
    return Module(site, device=device, dtype=dtype)
"""

COST = """
def forward(options, site, tape, *inputs):
    return {cost}
"""


def kind_files(package: str, role: Role, name: str) -> dict[str, str]:
    """The files of a package that adds one sound kind of that role and name: ``__init__``, ``module`` and ``cost``."""
    base = f"{role.capitalize()}Options"
    return {
        "__init__": OPTIONS.format(base=base, name=name, told=TOLD[role], role=role, package=package),
        "module": MODULE.format(layer=LAYERS[role], result=RESULTS[role]),
        "cost": COST.format(cost=COSTS[role]),
    }


def install(folder: Path, package: str, files: Mapping[str, str], points: Sequence[str] | None = None) -> None:
    """Write a package with the metadata that installing it leaves; by default its entry point is its ``KIND``."""
    home = folder / package
    home.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (home / f"{name}.py").write_text(text, encoding="utf-8")
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = ["[sparx_dsl.kinds]", *([f"{package} = {package}:KIND"] if points is None else points), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def run_python(
    code: str, folders: Sequence[Path], *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds the packages in ``folders``, with the first as working directory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*folders, ROOT])), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folders[0], env=environment, capture_output=True, text=True,
        input=stdin, timeout=240, check=False,
    )  # fmt: skip
