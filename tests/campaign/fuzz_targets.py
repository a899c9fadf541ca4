"""What is fuzzed: a function of bytes for each reader, which lets nothing through but diagnostics, and first inputs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import safetensors.torch
import torch

import sparx_dsl
from sparx_dsl.search import parse_space
from sparx_dsl.weights.limits import CheckpointLimits
from sparx_dsl.weights.read import read_checkpoint
from tests.campaign.broken_spaces import SPACE
from tests.support.backbones import mixed, tiny
from tests.support.spec_paths import dumped


def of_specs(folder: Path) -> Callable[[bytes], None]:
    """Read a spec, and connect it."""

    def run(data: bytes) -> None:
        try:
            sparx_dsl.connect(sparx_dsl.parse_spec(data))
        except sparx_dsl.SparxError as error:
            sparx_dsl.render_diagnostics(error.diagnostics)

    return run


def of_spaces(folder: Path) -> Callable[[bytes], None]:
    """Read a space."""

    def run(data: bytes) -> None:
        try:
            parse_space(data)
        except sparx_dsl.SparxError as error:
            sparx_dsl.render_diagnostics(error.diagnostics)

    return run


def of_checkpoints(extension: str) -> Callable[[Path], Callable[[bytes], None]]:
    """Read a checkpoint from a file of that extension."""

    def made(folder: Path) -> Callable[[bytes], None]:
        path = folder / f"model.{extension}"

        def run(data: bytes) -> None:
            path.write_bytes(data)
            try:
                read_checkpoint(path, None, CheckpointLimits())
            except sparx_dsl.SparxError as error:
                sparx_dsl.render_diagnostics(error.diagnostics)

        return run

    return made


TARGETS: dict[str, Callable[[Path], Callable[[bytes], None]]] = {
    "spec": of_specs,
    "space": of_spaces,
    "safetensors": of_checkpoints("safetensors"),
    "pth": of_checkpoints("pth"),
}


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to begin with."""
    state = {"stem.weight": torch.ones(2, 3), "stem.bias": torch.zeros(2)}
    if target == "spec":
        yield from (dumped(values).encode() for values in (tiny(), mixed()))
    elif target == "space":
        yield dumped(SPACE).encode()
    elif target == "safetensors":
        yield safetensors.torch.save(state, {"format": "sparx_dsl"})
    else:
        for zipped in (True, False):
            file = io.BytesIO()
            torch.save(state, file, _use_new_zipfile_serialization=zipped)
            yield file.getvalue()
