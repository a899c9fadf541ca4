"""A malformed .safetensors file is refused with a code of its own, before the library sees it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.weights import CheckpointLimits, load_checkpoint, load_model, save_checkpoint
from tests.support.refusing_model import RefusingModel, codes_if_refused


@pytest.fixture(scope="module", name="target")
def refusing_model() -> RefusingModel:
    """A model that no file of these tests may change."""
    return RefusingModel.of("vmamba")


def raw(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A file of that header and data, which may lie about the header's length."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def described(**tensors: tuple[str, list[int], int, int]) -> bytes:
    """A header of those tensors: dtype, shape, begin, end."""
    return json.dumps(
        {name: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
         for name, (dtype, shape, begin, end) in tensors.items()}
    ).encode()  # fmt: skip


ONE = described(a=("F32", [2], 0, 8))
TWICE = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'  # noqa: E501

MALFORMED = {
    "empty": (b"", "SPX604"),
    "seven bytes": (b"\0" * 7, "SPX604"),
    "seven bytes of a length": (b"\xff" * 7, "SPX604"),
    "no header": (raw(b""), "SPX605"),
    "header cut off": (raw(ONE, length=len(ONE) + 100), "SPX604"),
    "data cut off": (raw(ONE, b"\0" * 7), "SPX604"),
    "header of 100 MB": (raw(b"{}", length=100 * 2**20), "SPX602"),
    "header of 2**63 bytes": (raw(b"{}", length=2**63), "SPX602"),
    "header of 2**64 - 1 bytes": (raw(b"{}", length=2**64 - 1), "SPX602"),
    "deep JSON": (raw(b"[" * 200_000 + b"]" * 200_000), "SPX605"),
    "deep tensor": (raw(b'{"a":' * 90_000 + b"1" + b"}" * 90_000), "SPX605"),
    "no JSON": (raw(b"{tensor}"), "SPX605"),
    "no UTF-8": (raw(b'{"\xff": 1}'), "SPX605"),
    "a list": (raw(b"[]"), "SPX605"),
    "a huge number": (raw(b'{"a": ' + b"9" * 10_000 + b"}"), "SPX605"),
    "duplicate names": (raw(TWICE, b"\0" * 8), "SPX606"),
    "a key twice": (raw(ONE.replace(b'"dtype"', b'"dtype": "F16", "dtype"'), b"\0" * 8), "SPX606"),
    "overlap": (raw(described(a=("F32", [2], 0, 8), b=("F32", [2], 4, 12)), b"\0" * 12), "SPX607"),
    "the same place": (raw(described(a=("F32", [2], 0, 8), b=("F32", [2], 0, 8)), b"\0" * 8), "SPX607"),
    "a gap": (raw(described(a=("F32", [2], 0, 8), b=("F32", [2], 12, 20)), b"\0" * 20), "SPX607"),
    "bytes left over": (raw(ONE, b"\0" * 9), "SPX607"),
    "a shape too large": (raw(described(a=("F32", [3], 0, 8)), b"\0" * 8), "SPX608"),
    "a shape that overflows": (raw(described(a=("F32", [2**62, 4, 2], 0, 8)), b"\0" * 8), "SPX608"),
    "another dtype than said": (raw(described(a=("F16", [2], 0, 8)), b"\0" * 8), "SPX608"),
    "end before begin": (raw(described(a=("F32", [2], 8, 0)), b"\0" * 8), "SPX608"),
    "an unknown dtype": (raw(described(a=("F7", [2], 0, 8)), b"\0" * 8), "SPX609"),
    "negative sizes": (raw(described(a=("F32", [-1, -2], 0, 8)), b"\0" * 8), "SPX605"),
    "sizes that are no integers": (raw(ONE.replace(b"[2]", b"[2.0]"), b"\0" * 8), "SPX605"),
    "sizes that are truth values": (raw(ONE.replace(b"[2]", b"[true, 2]"), b"\0" * 8), "SPX605"),
    "an infinite size": (raw(ONE.replace(b"[2]", b"[Infinity]"), b"\0" * 8), "SPX605"),
    "no offsets": (raw(b'{"a": {"dtype": "F32", "shape": [2]}}', b"\0" * 8), "SPX605"),
    "three offsets": (raw(ONE.replace(b"[0, 8]", b"[0, 4, 8]"), b"\0" * 8), "SPX605"),
    "one key more": (raw(ONE.replace(b'"dtype"', b'"code": 1, "dtype"'), b"\0" * 8), "SPX605"),
    "a hundred sides": (raw(ONE.replace(b"[2]", b"[" + b"1," * 99 + b"2]"), b"\0" * 8), "SPX605"),
    "metadata that are no texts": (raw(b'{"__metadata__": {"spec": 1}}'), "SPX605"),
    "metadata that are a list": (raw(b'{"__metadata__": []}'), "SPX605"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_safetensors_file_earns_its_own_code(case: str, tmp_path: Path, target: RefusingModel) -> None:
    """Each way to break the format is told apart, before the library sees the file."""
    content, code = MALFORMED[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert target.codes(path, strict=False) == [code]
    with pytest.raises(sparx_dsl.SparxError, match=code):
        load_model(path)


def test_too_many_tensors_are_refused(tmp_path: Path, target: RefusingModel) -> None:
    """The limit counts tensors, and a caller can set it."""
    path = tmp_path / "model.safetensors"
    save_checkpoint(target.model, path)
    number = len(target.before)
    assert target.codes(path, limits=CheckpointLimits(tensors=number - 1)) == ["SPX603"]
    assert load_checkpoint(target.model, path, limits=CheckpointLimits(tensors=number)).complete
    torch.save(target.before, tmp_path / "model.pth")
    assert target.codes(tmp_path / "model.pth", limits=CheckpointLimits(tensors=number - 1)) == ["SPX603"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
def test_a_file_beyond_the_limits_is_refused_before_it_is_read(
    name: str, tmp_path: Path, target: RefusingModel
) -> None:
    """A large file, or a large table of contents, is refused by size alone."""
    path = tmp_path / name
    save_checkpoint(target.model, path, format="vmamba" if name.endswith("pth") else "sparx_dsl")
    assert target.codes(path, limits=CheckpointLimits(file_bytes=path.stat().st_size - 1)) == ["SPX602"]
    assert target.codes(path, limits=CheckpointLimits(header_bytes=100)) == ["SPX602"]


def test_limits_below_one_are_refused() -> None:
    """A limit of nothing would refuse everything for no reason that a message could tell."""
    with pytest.raises(ValueError, match="tensors"):
        CheckpointLimits(tensors=0)


@given(st.data())
def test_a_damaged_file_is_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, target: RefusingModel, data: st.DataObject
) -> None:
    """Whatever bytes are changed in a header, the answer is a diagnostic, or a load in full."""
    content = bytearray(safetensors.torch.save(target.before))
    length = struct.unpack("<Q", content[:8])[0]
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, length + 7))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    assert all(code.startswith("SPX6") for code in codes_if_refused(target.model, path, strict=True))
    assert target.unchanged
