"""The compiled library is loaded only where it is whole; else plain PyTorch serves, and the doctor says why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sparx_dsl.ops.backends import VARIABLE
from sparx_dsl.ops.cpu import library, maps
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))

FOLDER = Path(library.__file__).parent
SIZE = (FOLDER / library.NAME).stat().st_size
SCANS = """
import torch, sparx_dsl
from sparx_dsl.ops.inference import map_norm
print(sparx_dsl.scan_backend())
layer = {"mixer": {"kind": "ss2d"}}
spec = {"sparx": 1, "name": "small", "input": {"size": 32}, "stem": {"kind": "conv"}, "layer": layer,
        "stages": [{"channels": 16, "depth": 1}], "head": {"kind": "linear", "classes": 3}}
print(sparx_dsl.build(spec, deploy=True)(torch.ones(1, 3, 32, 32)).isfinite().all().item())
try:
    map_norm(torch.ones(1, 16, 2, 2), torch.ones(16), torch.ones(16), 1e-5)
except RuntimeError as error:
    print(error)
print(sparx_dsl.doctor())
"""
"""Chooses a backend, runs a deployed backbone, calls a kernel without asking first, and examines the machine."""


def copied(tmp_path: Path) -> Path:
    """A copy of the library and its record, in a folder of their own."""
    for name in (library.NAME, library.RECORD):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


Damage = Callable[[bytes], bytes]


def cut(size: int) -> Damage:
    return lambda content: content[:size]


def flipped(place: int) -> Damage:
    """One bit is another in the byte at that place."""
    return lambda content: content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


DAMAGES: dict[str, Damage] = {
    "empty": cut(0),
    "header alone": cut(64),
    **{f"{percent} %": cut(SIZE * percent // 100) for percent in (10, 25, 50, 75, 90)},
    "last byte missing": cut(SIZE - 1),
    "longer": lambda content: content + b"\0",
    **{f"byte {place} flipped": flipped(place) for place in (0, 5, 16, 64, SIZE // 3, SIZE // 2, SIZE - 1)},
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_library_is_not_loaded(tmp_path: Path, name: str) -> None:
    """Cut, lengthened or with one bit flipped anywhere, it is refused before it is mapped."""
    path = copied(tmp_path) / library.NAME
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    lengths = f"it has {path.stat().st_size} bytes instead of {SIZE}"
    reason = "its SHA-256 is not the one in" if path.stat().st_size == SIZE else lengths
    with pytest.raises(OSError, match=re.escape(f"{library.NAME} is not loaded: {reason}")):
        library.open_library(tmp_path)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, f"{library.RECORD} is missing beside it"),
        (b"", f"it cannot be compared with {library.RECORD}"),
        (b"\xff\xfe 1\n", f"it cannot be compared with {library.RECORD}"),
        (f"{SIZE} {'0' * 64}\n".encode(), "its SHA-256 is not the one in"),
    ],
)
def test_a_library_without_its_record_is_not_loaded(tmp_path: Path, record: bytes | None, reason: str) -> None:
    """Missing, empty, not readable as text, or of another library."""
    path = copied(tmp_path) / library.RECORD
    path.unlink() if record is None else path.write_bytes(record)
    with pytest.raises(OSError, match=re.escape(f"{library.NAME} is not loaded: {reason}")):
        library.open_library(tmp_path)


def test_a_whole_library_of_other_sources_is_not_used(tmp_path: Path) -> None:
    """One whose arguments are laid out otherwise; the sources and the module agree on the layout."""
    with pytest.raises(OSError, match="was compiled from other sources"):
        library.open_library(copied(tmp_path), layout=library.LAYOUT + 1)
    assert library.open_library(tmp_path)
    header = (FOLDER / "arguments.h").read_text(encoding="utf-8")
    assert f"#define LAYOUT {library.LAYOUT}\n" in header
    assert f"#define CHANNELS_TOGETHER {maps.CHANNELS_TOGETHER}\n" in header


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package whose library may be spoilt."""
    root = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "sparx_dsl", root / "sparx_dsl", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        (library.NAME, cut(SIZE // 2), f"is not loaded: it has {SIZE // 2} bytes instead of {SIZE} (install the pack"),
        (library.NAME, flipped(SIZE // 2), f"is not loaded: its SHA-256 is not the one in {library.RECORD} (install "),
        (library.RECORD, None, f"is not loaded: {library.RECORD} is missing beside it (install the package again)"),
        (library.NAME, None, "the package was installed without a C compiler (install gcc or clang, then install it"),
    ],
    ids=["cut", "flipped", "no record", "no library"],
)
def test_the_package_works_without_its_library(package: Path, name: str, damage: Damage | None, reason: str) -> None:
    """The scan and deployed backbones run in plain PyTorch; a kernel that is called all the same raises."""
    path = package / "sparx_dsl" / "ops" / "cpu" / name
    content = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage(content))
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", SCANS], capture_output=True, text=True, check=False, timeout=120,
        env=environment | {"PYTHONPATH": str(package)}, cwd=package,
    )  # fmt: skip
    path.write_bytes(content)
    assert done.returncode == 0, done.stderr
    backend, finite, raised, *examination = done.stdout.splitlines()
    assert (backend, finite) == ("torch", "True")
    assert reason in raised
    assert [line for line in examination if "  cpu" in line and reason in line]
