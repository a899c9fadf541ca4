"""A hostile or damaged .pth file is refused: nothing in it runs, and no model changes."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.weights import load_checkpoint
from tests.support.checkpoints import small
from tests.support.hostile_pickles import Marker
from tests.support.refusing_model import RefusingModel, codes_if_refused


@pytest.fixture(scope="module", name="target")
def refusing_model() -> RefusingModel:
    """A model that no file of these tests may change."""
    return RefusingModel.of("vmamba")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("how", [subprocess.call, os.mkdir])
@pytest.mark.parametrize("strict", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_nothing_runs(
    legacy: bool, how: Callable[..., Any], strict: bool, tmp_path: Path, target: RefusingModel
) -> None:
    """The file's call is named in the diagnostic, and its mark is never written."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    state = {**target.before, "evil": Marker(mark, how)}
    torch.save({"model": state}, path, _use_new_zipfile_serialization=not legacy)
    assert target.codes(path, strict=strict) == ["SPX610"]
    assert not mark.exists()
    torch.load(path, weights_only=False)  # Of this very file, so that the mark would have been written.
    assert mark.exists()


def test_there_is_no_second_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: RefusingModel) -> None:
    """torch.load is called once, with weights_only, and its refusal is final."""
    calls: list[dict[str, Any]] = []

    def refusing(*_: Any, **options: Any) -> Any:
        calls.append(options)
        raise pickle.UnpicklingError("Weights only load failed")

    path = tmp_path / "model.pth"
    torch.save(target.before, path)
    monkeypatch.setattr(torch, "load", refusing)
    assert target.codes(path) == ["SPX611"]
    assert [options["weights_only"] for options in calls] == [True]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_no_protocol_hides_a_name(protocol: int, tmp_path: Path, target: RefusingModel) -> None:
    """A pickle of any protocol, put into an archive by hand, is looked through."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Marker(mark), protocol=protocol))
        archive.writestr("model/version", "3\n")
        archive.writestr("model/byteorder", "little")
    assert target.codes(path) == ["SPX610"]
    assert not mark.exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "posix system", "builtins eval", "torch load", "torch hub", "torch ops", "torch jit",
     "torch.nn Linear", "collections namedtuple", "builtins bytearray", "torch FloatStorage.__class__",
     "torch._utils _rebuild_device_tensor_from_numpy", "torch._utils _rebuild_tensor_v2.__globals__"],
)  # fmt: skip
def test_only_tensors_and_containers_may_be_named(name: str, tmp_path: Path, target: RefusingModel) -> None:
    """A pickle that names anything else is refused, though it only begins like what is allowed."""
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n.")
    assert target.codes(path) == ["SPX610"]


def test_what_training_scripts_leave_beside_the_weights_is_read(tmp_path: Path, target: RefusingModel) -> None:
    """Optimiser states, epochs and schedulers are plain values, and no reason to refuse a file."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimiser.step()
    parameters = {name: torch.nn.Parameter(value, requires_grad=value.is_floating_point())
                  for name, value in target.before.items()}  # fmt: skip
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10)
    beside = {"optimizer": optimiser.state_dict(), "lr_scheduler": scheduler.state_dict(), "epoch": 3, "best": 0.5}
    for legacy in (False, True):
        path = tmp_path / "model.pth"
        torch.save({"model": parameters, **beside}, path, _use_new_zipfile_serialization=not legacy)
        assert load_checkpoint(target.model, path).complete


@pytest.mark.parametrize("legacy_first", [True, False])
def test_a_file_of_two_forms_is_refused(legacy_first: bool, tmp_path: Path, target: RefusingModel) -> None:
    """A pickle with an archive behind it, or before it, could be looked through as one and loaded as the other."""
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    old, new = io.BytesIO(), io.BytesIO()
    torch.save(Marker(mark) if legacy_first else target.before, old, _use_new_zipfile_serialization=False)
    torch.save(target.before if legacy_first else Marker(mark), new)
    parts = [old.getvalue(), new.getvalue()] if legacy_first else [new.getvalue(), old.getvalue(), b"\0" * 2**17]
    path.write_bytes(b"".join(parts))
    assert target.codes(path) == ["SPX611"]
    assert not mark.exists()


@given(st.data())
def test_a_damaged_archive_is_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, target: RefusingModel, data: st.DataObject
) -> None:
    """Whatever bytes are changed in a .pth file, the answer is a diagnostic or a finished load."""
    victim, saved = small("vmamba"), io.BytesIO()
    torch.save({"model": target.before}, saved, _use_new_zipfile_serialization=data.draw(st.booleans()))
    content = bytearray(saved.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.pth"
    path.write_bytes(content)
    found = codes_if_refused(victim, path, strict=False)
    assert all(code.startswith("SPX6") for code in found)
    assert not found or all(torch.equal(value, target.before[name]) for name, value in victim.state_dict().items())
