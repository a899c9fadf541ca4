"""Every kind of file that the package writes, each in two versions, as commands and calls write them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

import sparx_dsl
from sparx_dsl.render.files import write_text
from sparx_dsl.weights import save_checkpoint
from tests.support.backbones import tiny
from tests.support.checkpoints import small
from tests.support.commands import Done, sparx

Write = Callable[[Path, int], object]
"""Writes one of two versions of a file."""


@dataclass(frozen=True)
class FileKind:
    """A kind of file, its writer, and what a file of it says, where that can be written in several ways.

    ``content`` raises ``ValueError`` or ``BadZipFile`` where a file is not whole.
    """

    extension: str
    write: Write
    content: Callable[[bytes], object] = bytes
    longest: float = 0.03
    """Seconds for which a writer lives at most."""


def of_safetensors(file: bytes) -> object:
    """The header, whose entries stand in any order, and all that follows."""
    start = 8 + int.from_bytes(file[:8], "little")
    return json.loads(file[8:start]), file[start:]


def of_torch(file: bytes) -> object:
    """The members of the archive, without its own name, which is that of the part that was written."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def exported(model: torch.nn.Module, path: Path) -> None:
    """Export a model; what is traced before and run after takes several times as long as the writing."""
    sparx_dsl.export(model, path, size=(16, 16), keep_operators=True)


def done(result: Done) -> None:
    """Raise ``OSError`` where a command ended with an error that is not about its file."""
    if result.status and "SPX502" not in result.stderr:
        raise OSError(result.stderr)
    if result.status:
        raise sparx_dsl.SparxError(sparx_dsl.Diagnostic(sparx_dsl.Code.FILE_NOT_WRITABLE, result.stderr))


def file_kinds(folder: Path) -> dict[str, FileKind]:
    """All kinds of file by name."""
    models = [small("sparx_mamba", seed) for seed in (0, 1)]
    torch.manual_seed(0)
    traced = [
        sparx_dsl.build(tiny(stages=[{"channels": 8, "depth": 1}], links={}, input={"size": 16})) for _ in range(2)
    ]
    specs = [sparx_dsl.load_spec(name) for name in ("sparx_mamba_t", "sparx_swin_b")]
    texts = [sparx_dsl.dump_spec(spec) for spec in specs]
    reported = [sparx_dsl.parse_spec(tiny(name=name)) for name in ("one", "other")]
    edited = folder / "edited.yaml"
    edited.write_text(sparx_dsl.dump_spec(sparx_dsl.parse_spec(tiny())), encoding="utf-8")
    return {
        "spec": FileKind("yaml", lambda path, version: write_text(path, texts[version])),
        "picture": FileKind("svg", lambda path, version: sparx_dsl.draw(specs[version], path)),
        "report": FileKind("html", lambda path, version: sparx_dsl.write_report(reported[version], path)),
        "checkpoint": FileKind(
            "safetensors", lambda path, version: save_checkpoint(models[version], path), of_safetensors
        ),
        "released checkpoint": FileKind(
            "pth", lambda path, version: save_checkpoint(models[version], path, format="sparx_mamba"), of_torch
        ),
        "exported program": FileKind(
            "pt2", lambda path, version: exported(traced[version], path), of_torch, longest=1.0
        ),
        "sparx set": FileKind(
            "yaml", lambda path, version: done(sparx("set", edited, f"name=v{version}", "-o", path))
        ),
        "sparx list": FileKind(
            "csv", lambda path, version: done(sparx("list", ("swin*", "vmamba*")[version], "--csv", "-o", path))
        ),
        "sparx draw": FileKind(
            "svg", lambda path, version: done(sparx("draw", ("swin_t", "vim_s")[version], "-o", path))
        ),
    }  # fmt: skip
