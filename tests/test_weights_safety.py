"""A malformed or hostile checkpoint is refused with a diagnostic of its own; nothing runs and no model changes."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights import CheckpointLimits, load_checkpoint, load_model, save_checkpoint
from tests.support.checkpoints import small, snapshot

MODEL = small("vmamba")
BEFORE = snapshot(MODEL)


def codes(path: Path, **options: Any) -> list[str]:
    """What loading a file is refused for; the model must be as it was."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_checkpoint(MODEL, path, **options)
    assert all(torch.equal(value, BEFORE[name]) for name, value in MODEL.state_dict().items())
    for mistake in caught.value.diagnostics:
        assert mistake.where.source is not None
        assert mistake.where.source.name == str(path)
    return [mistake.code for mistake in caught.value.diagnostics]


def complaints(model: Backbone, path: Path, *, strict: bool) -> list[str]:
    """What loading a file is refused for; nothing where it loads. Any other exception fails the test."""
    try:
        load_checkpoint(model, path, strict=strict)
    except sparx_dsl.SparxError as error:
        return [mistake.code for mistake in error.diagnostics]
    return []


# Safetensors.


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
def test_a_malformed_safetensors_file_earns_its_own_code(case: str, tmp_path: Path) -> None:
    """Each way to break the format is told apart, before the library sees the file."""
    content, code = MALFORMED[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert codes(path, strict=False) == [code]
    with pytest.raises(sparx_dsl.SparxError, match=code):
        load_model(path)


def test_too_many_tensors_are_refused(tmp_path: Path) -> None:
    """The limit counts tensors, and a caller can set it."""
    path = tmp_path / "model.safetensors"
    save_checkpoint(MODEL, path)
    number = len(BEFORE)
    assert codes(path, limits=CheckpointLimits(tensors=number - 1)) == ["SPX603"]
    assert load_checkpoint(MODEL, path, limits=CheckpointLimits(tensors=number)).complete
    torch.save(BEFORE, tmp_path / "model.pth")
    assert codes(tmp_path / "model.pth", limits=CheckpointLimits(tensors=number - 1)) == ["SPX603"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
def test_a_file_beyond_the_limits_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    """A large file, or a large table of contents, is refused by size alone."""
    path = tmp_path / name
    save_checkpoint(MODEL, path, format="vmamba" if name.endswith("pth") else "sparx_dsl")
    assert codes(path, limits=CheckpointLimits(file_bytes=path.stat().st_size - 1)) == ["SPX602"]
    assert codes(path, limits=CheckpointLimits(header_bytes=100)) == ["SPX602"]


def test_limits_below_one_are_refused() -> None:
    """A limit of nothing would refuse everything for no reason that a message could tell."""
    with pytest.raises(ValueError, match="tensors"):
        CheckpointLimits(tensors=0)


@given(st.data())
def test_a_damaged_file_is_refused_or_sound(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever bytes are changed in a header, the answer is a diagnostic, or a load in full."""
    content = bytearray(safetensors.torch.save(BEFORE))
    length = struct.unpack("<Q", content[:8])[0]
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, length + 7))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    assert all(code.startswith("SPX6") for code in complaints(MODEL, path, strict=True))
    assert all(torch.equal(value, BEFORE[name]) for name, value in MODEL.state_dict().items())


# Pickles.


class Marker:
    """Makes a file or a folder when it is unpickled."""

    def __init__(self, path: Path, how: Callable[..., Any]) -> None:
        self.path = path
        self.how = how

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (self.how, (f"touch {self.path}" if self.how is os.system else str(self.path),))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("how", [os.system, os.mkdir])
@pytest.mark.parametrize("strict", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(
    legacy: bool, how: Callable[..., Any], strict: bool, tmp_path: Path
) -> None:
    """The file's call is named in the diagnostic, and its mark is never written."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    state = {**BEFORE, "evil": Marker(mark, how)}
    torch.save({"model": state}, path, _use_new_zipfile_serialization=not legacy)
    assert codes(path, strict=strict) == ["SPX610"]
    assert not mark.exists()
    torch.load(path, weights_only=False)  # Of this very file, so that the mark would have been written.
    assert mark.exists()


def test_there_is_no_second_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.load is called once, with weights_only, and its refusal is final."""
    calls: list[dict[str, Any]] = []

    def refusing(*_: Any, **options: Any) -> Any:
        calls.append(options)
        raise pickle.UnpicklingError("Weights only load failed")

    path = tmp_path / "model.pth"
    torch.save(BEFORE, path)
    monkeypatch.setattr(torch, "load", refusing)
    assert codes(path) == ["SPX611"]
    assert [options["weights_only"] for options in calls] == [True]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_no_protocol_hides_a_name(protocol: int, tmp_path: Path) -> None:
    """A pickle of any protocol, put into an archive by hand, is looked through."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Marker(mark, os.system), protocol=protocol))
        archive.writestr("model/version", "3\n")
        archive.writestr("model/byteorder", "little")
    assert codes(path) == ["SPX610"]
    assert not mark.exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "posix system", "builtins eval", "torch load", "torch hub", "torch ops", "torch jit",
     "torch.nn Linear", "collections namedtuple", "builtins bytearray", "torch FloatStorage.__class__",
     "torch._utils _rebuild_device_tensor_from_numpy", "torch._utils _rebuild_tensor_v2.__globals__"],
)  # fmt: skip
def test_only_tensors_and_containers_may_be_named(name: str, tmp_path: Path) -> None:
    """A pickle that names anything else is refused, though it only begins like what is allowed."""
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n.")
    assert codes(path) == ["SPX610"]


def test_what_training_scripts_leave_beside_the_weights_is_read(tmp_path: Path) -> None:
    """Optimiser states, epochs and schedulers are plain values, and no reason to refuse a file."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimiser.step()
    parameters = {name: torch.nn.Parameter(value, requires_grad=value.is_floating_point())
                  for name, value in BEFORE.items()}  # fmt: skip
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10)
    beside = {"optimizer": optimiser.state_dict(), "lr_scheduler": scheduler.state_dict(), "epoch": 3, "best": 0.5}
    for legacy in (False, True):
        path = tmp_path / "model.pth"
        torch.save({"model": parameters, **beside}, path, _use_new_zipfile_serialization=not legacy)
        assert load_checkpoint(MODEL, path).complete


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
    change: Callable[..., None], code: str, tmp_path: Path
) -> None:
    """Compressed members, a second pickle, one name twice, a storage larger than the file."""
    path = tmp_path / "model.pth"
    path.write_bytes(archive_of({"a": torch.zeros(1000)}, change))
    assert codes(path, strict=False) == [code]


def test_any_compression_is_refused(tmp_path: Path) -> None:
    """Also where it saves nothing, since nobody can tell before it is unpacked."""
    path = tmp_path / "model.pth"
    state = {"a": torch.empty(1000, dtype=torch.int64).random_(generator=torch.Generator().manual_seed(0))}
    path.write_bytes(archive_of(state, compressed) + b"\0" * 2**15)
    assert codes(path, strict=False) == ["SPX612"]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """64 MiB of zeros in a file of 64 KiB are refused without a tenth of them in memory."""
    path = tmp_path / "model.pth"
    deflated = zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED)
    with deflated, deflated.open("model/data.pkl", "w") as member:
        for _ in range(64):
            member.write(b"\0" * 2**20)
    tracemalloc.start()
    assert codes(path) == ["SPX612"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 2**20


def test_a_tensor_that_repeats_one_value_is_refused(tmp_path: Path) -> None:
    """A shape of 10¹⁵ values over a storage of one would fill any memory as soon as it is copied."""
    path = tmp_path / "model.pth"
    torch.save({"stage1.layer1.mixer.mixer.D": torch.zeros(1).expand(10**15)}, path)
    assert codes(path, strict=False) == ["SPX608"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}", b"hello", b"\x80\x02}.", b"\0" * 100])
def test_what_torch_did_not_write_is_refused(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no checkpoint get a diagnostic, never torch's own exception."""
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    assert codes(path, strict=False) == ["SPX611"]


@pytest.mark.parametrize("legacy_first", [True, False])
def test_a_file_of_two_forms_is_refused(legacy_first: bool, tmp_path: Path) -> None:
    """A pickle with an archive behind it, or before it, could be looked through as one and loaded as the other."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    old, new = io.BytesIO(), io.BytesIO()
    torch.save(Marker(mark, os.system) if legacy_first else BEFORE, old, _use_new_zipfile_serialization=False)
    torch.save(BEFORE if legacy_first else Marker(mark, os.system), new)
    parts = [old.getvalue(), new.getvalue()] if legacy_first else [new.getvalue(), old.getvalue(), b"\0" * 2**17]
    path.write_bytes(b"".join(parts))
    assert codes(path) == ["SPX611"]
    assert not mark.exists()


@given(st.data())
def test_a_damaged_archive_is_refused_or_sound(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever bytes are changed in a .pth file, the answer is a diagnostic or a finished load."""
    target, saved = small("vmamba"), io.BytesIO()
    torch.save({"model": BEFORE}, saved, _use_new_zipfile_serialization=data.draw(st.booleans()))
    content = bytearray(saved.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.pth"
    path.write_bytes(content)
    found = complaints(target, path, strict=False)
    assert all(code.startswith("SPX6") for code in found)
    assert not found or all(torch.equal(value, BEFORE[name]) for name, value in target.state_dict().items())


# Paths and names.


@pytest.mark.parametrize(
    ("name", "code"),
    [("model.pkl", "SPX601"), ("model.pt2", "SPX601"), ("model.bin", "SPX601"), ("model", "SPX601"),
     ("missing.pth", "SPX501"), ("missing.safetensors", "SPX501"), ("folder.pth", "SPX501"), ("\0.pth", "SPX501")],
)  # fmt: skip
def test_a_path_that_is_no_checkpoint_is_refused(name: str, code: str, tmp_path: Path) -> None:
    """Other endings are never opened, and files that are not there are said not to be."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Marker(tmp_path / "mark", os.system)))
    (tmp_path / "folder.pth").mkdir()
    assert codes(tmp_path / name) == [code]
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["../up", "/absolute", "C:\\x", "CON", "a" * 300, "nul\0", "\x1b[2J"])
@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_names_in_a_checkpoint_are_only_ever_shown(name: str, ending: str, tmp_path: Path) -> None:
    """A tensor's name makes no file and steers no terminal."""
    folder = tmp_path / "inner"
    folder.mkdir()
    path = folder / f"model.{ending}"
    state = {**BEFORE, name: torch.zeros(2)}
    if ending == "pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_checkpoint(MODEL, path)
    text = sparx_dsl.render_diagnostics(caught.value.diagnostics)
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX624"]
    assert "\x1b" not in text
    assert "\0" not in text
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]
    assert [each.name for each in folder.iterdir()] == [path.name]


# The spec inside a file.


def with_spec(path: Path, text: str | None) -> Path:
    """A file of ours whose spec is another text."""
    metadata = {"format": "sparx_dsl"} if text is None else {"format": "sparx_dsl", "spec": text}
    safetensors.torch.save_file(BEFORE, path, metadata)
    return path


HUGE = """
sparx: 1
name: huge
stem: {kind: patch}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 4096, depth: 20}
"""


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "SPX642"), ("a: [", "SPX0"), ("sparx: 2", "SPX1"), ("extends: secret.yaml\nname: a", "SPX"),
     (HUGE, "SPX622"), ("a: " + "[" * 1000, "SPX0"), ("x" * 2**21, "SPX0"),
     ("!!python/object/apply:os.system [ls]", "SPX0")],
)  # fmt: skip
def test_a_spec_inside_a_file_is_trusted_no_more_than_any_other(text: str | None, code: str, tmp_path: Path) -> None:
    """It is read within limits, extends nothing, and allocates nothing that the file's tensors do not fill."""
    (tmp_path / "secret.yaml").write_text("sparx: 1\n", encoding="utf-8")
    path = with_spec(tmp_path / "model.safetensors", text)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_model(path)
    assert caught.value.diagnostics[0].code.startswith(code)
    assert str(path) in str(caught.value.diagnostics[0].where)


@pytest.mark.parametrize("features", ["", "x", "9", "2,1", "1" * 5000])
def test_features_inside_a_file_are_checked(features: str, tmp_path: Path) -> None:
    """A list of stages that the spec does not have is refused, or is no list and means none."""
    path = tmp_path / "model.safetensors"
    text = sparx_dsl.dump_spec(MODEL.spec)
    safetensors.torch.save_file(BEFORE, path, {"spec": text, "features": features})
    if features in ("9", "2,1"):
        with pytest.raises(sparx_dsl.SparxError, match="SPX322"):
            load_model(path)
    else:
        assert load_model(path).schedule.features is None
