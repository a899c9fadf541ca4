"""What is fuzzed: for each reader a function of bytes that lets nothing through but diagnostics, and first inputs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import safetensors.torch
import torch

import sparx_dsl
from sparx_dsl.search import Space, parse_space
from sparx_dsl.weights.limits import CheckpointLimits
from sparx_dsl.weights.read import read_checkpoint
from tests.campaign.broken_spaces import SPACE
from tests.support.backbones import mixed, tiny
from tests.support.spec_paths import dumped
from tests.support.studies import small_space

Read = Callable[[bytes], object]


def of_specs(folder: Path) -> Read:
    """Read a spec, and connect it."""
    return lambda data: sparx_dsl.connect(sparx_dsl.parse_spec(data))


def of_spaces(folder: Path) -> Read:
    """Read a space."""
    return parse_space


def of_checkpoints(extension: str) -> Callable[[Path], Read]:
    """Read a checkpoint from a file of that extension."""
    return lambda folder: of_files(folder / f"model.{extension}", lambda path: read_checkpoint(path, None, LIMITS))


def of_studies(folder: Path) -> Read:
    """Read a study's journal."""
    space = small_space()
    return of_files(folder / "study.journal", lambda path: sparx_dsl.read_study(space, path))


def of_files(path: Path, read: Callable[[Path], object]) -> Read:
    """Write bytes to a file, and read it."""

    def run(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return run


LIMITS = CheckpointLimits()
TARGETS: Mapping[str, Callable[[Path], Read]] = {
    "spec": of_specs,
    "space": of_spaces,
    "safetensors": of_checkpoints("safetensors"),
    "pth": of_checkpoints("pth"),
    "study": of_studies,
}


def guarded(read: Read) -> Callable[[bytes], None]:
    """Read, and show the diagnostics of what is refused; any other exception goes on."""

    def run(data: bytes) -> None:
        try:
            read(data)
        except sparx_dsl.SparxError as error:
            sparx_dsl.render_diagnostics(error.diagnostics)

    return run


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to begin with."""
    state = {"stem.weight": torch.ones(2, 3), "stem.bias": torch.zeros(2)}
    if target == "spec":
        yield from (dumped(values).encode() for values in (tiny(), mixed()))
    elif target == "space":
        yield dumped(SPACE).encode()
    elif target == "safetensors":
        yield safetensors.torch.save(state, {"format": "sparx_dsl"})
    elif target == "study":
        yield journal(small_space())
    else:
        for zipped in (True, False):
            file = io.BytesIO()
            torch.save(state, file, _use_new_zipfile_serialization=zipped)
            yield file.getvalue()


def journal(space: Space) -> bytes:
    """The journal of a study of one trial."""
    with TemporaryDirectory() as folder:
        study = Path(folder) / "study.journal"
        sparx_dsl.run_study(space, "params", trials=1, study=study, seed=0)
        return study.read_bytes()
