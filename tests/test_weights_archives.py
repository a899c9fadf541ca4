"""Archives that torch would not have written are refused before they are unpacked."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.refusing_model import RefusingModel


@pytest.fixture(scope="module", name="target")
def refusing_model() -> RefusingModel:
    """A model that no file of these tests may change."""
    return RefusingModel.of("vmamba")


def archive_of(state: Any, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> bytes:
    """What torch.save writes, each member copied by ``change``."""
    saved, changed = io.BytesIO(), io.BytesIO()
    torch.save(state, saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(changed, "w") as target:
        change(source, target)
    return changed.getvalue()


def compressed(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    """Every member deflated, so that zeros take no room."""
    for name in source.namelist():
        target.writestr(name, source.read(name), compress_type=zipfile.ZIP_DEFLATED)


def two_pickles(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    """The pickle, and another beside it."""
    copied(source, target)
    target.writestr("archive/constants.pkl", b"\x80\x02}.")


def same_name(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    """The pickle under two spellings of its name."""
    copied(source, target)
    target.writestr("ARCHIVE/DATA.PKL", b"\x80\x02}.")


def copied(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    """Every member as it was."""
    for name in source.namelist():
        target.writestr(name, source.read(name))


def lying(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    """A storage that is said to have 2³⁰ values and has a thousand."""
    for name in source.namelist():
        content = source.read(name)
        target.writestr(name, content.replace(struct.pack("<H", 1000), b"\xe8\x03", 1)
                        if not name.endswith("data.pkl") else huge(content))  # fmt: skip


def huge(content: bytes) -> bytes:
    """The pickle with the first BININT2 of 1000, the storage's size, as a BININT of 2³⁰."""
    return content.replace(b"M\xe8\x03", b"J" + struct.pack("<i", 2**30), 1)


@pytest.mark.parametrize(
    ("change", "code"), [(compressed, "SPX612"), (two_pickles, "SPX611"), (same_name, "SPX606"), (lying, "SPX612")]
)
def test_an_archive_that_torch_would_not_write_is_refused(
    change: Callable[..., None], code: str, tmp_path: Path, target: RefusingModel
) -> None:
    """Compressed members, a second pickle, one name twice, a storage larger than the file."""
    path = tmp_path / "model.pth"
    path.write_bytes(archive_of({"a": torch.zeros(1000)}, change))
    assert target.codes(path, strict=False) == [code]


def test_any_compression_is_refused(tmp_path: Path, target: RefusingModel) -> None:
    """Also where it saves nothing, since nobody can tell before it is unpacked."""
    path = tmp_path / "model.pth"
    state = {"a": torch.empty(1000, dtype=torch.int64).random_(generator=torch.Generator().manual_seed(0))}
    path.write_bytes(archive_of(state, compressed) + b"\0" * 2**15)
    assert target.codes(path, strict=False) == ["SPX612"]


def test_a_bomb_is_not_unpacked(tmp_path: Path, target: RefusingModel) -> None:
    """64 MiB of zeros in a file of 64 KiB are refused without a tenth of them in memory."""
    path = tmp_path / "model.pth"
    deflated = zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED)
    with deflated, deflated.open("model/data.pkl", "w") as member:
        for _ in range(64):
            member.write(b"\0" * 2**20)
    tracemalloc.start()
    assert target.codes(path) == ["SPX612"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 2**20


def test_a_tensor_that_repeats_one_value_is_refused(tmp_path: Path, target: RefusingModel) -> None:
    """A shape of 10¹⁵ values over a storage of one would fill any memory as soon as it is copied."""
    path = tmp_path / "model.pth"
    torch.save({"stage1.layer1.mixer.mixer.D": torch.zeros(1).expand(10**15)}, path)
    assert target.codes(path, strict=False) == ["SPX608"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}", b"hello", b"\x80\x02}.", b"\0" * 100])
def test_what_torch_did_not_write_is_refused(content: bytes, tmp_path: Path, target: RefusingModel) -> None:
    """Bytes that are no checkpoint get a diagnostic, never torch's own exception."""
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    assert target.codes(path, strict=False) == ["SPX611"]
