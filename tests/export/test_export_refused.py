"""Exports that cannot be: refused by code before anything is written, and wrong files left out."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

import sparx_dsl
from sparx_dsl.exporting import pt2
from tests.support.backbones import small


def codes(**wanted: object) -> list[str]:
    """The codes with which an export of a small backbone is refused."""
    model = wanted.pop("model", None) or sparx_dsl.build(small("ss2d"))
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.export(model, **{"size": (24, 24), **wanted})  # pyright: ignore[reportArgumentType]
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.onnx", r"onnx, onnxscript, onnxruntime .*sparx_dsl\[export\]"),
        ("model.pte", r"the package executorch .*sparx_dsl\[executorch\]"),
    ],
)
def test_missing_packages_are_named(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings them."""
    installed: dict[str, object] = {}
    monkeypatch.setattr(importlib.util, "find_spec", installed.get)
    with pytest.raises(sparx_dsl.SparxError, match=says):
        sparx_dsl.export(sparx_dsl.build(small("ssm")), tmp_path / name, size=(24, 24))


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compiled."""
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert codes(path=tmp_path / "model.pt2", format="aoti") == ["SPX570"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"format": "onx"}, "SPX571"),
        ({"path": "model.pth"}, "SPX572"),
        ({"path": "model.onnx", "format": "pt2"}, "SPX572"),
        ({"path": "model.pt2", "format": "executorch"}, "SPX572"),
        ({"format": "aoti", "keep_operators": True}, "SPX573"),
        ({"path": "model.pte", "dynamic": ("batch",)}, "SPX573"),
        ({"path": "model.pte", "dynamic": ("height", "width")}, "SPX573"),
        ({"dynamic": ("height", "width"), "size": (25, 24)}, "SPX573"),
        ({"dynamic": ("width",), "size": (24, 8)}, "SPX573"),
        ({"dynamic": ("depth",)}, "SPX573"),
        ({"dynamic": "batch"}, "SPX573"),
        ({"size": (0, 24)}, "SPX320"),
        ({"batch": 0}, "SPX320"),
    ],
)
def test_what_cannot_be_is_refused_first(
    wanted: dict[str, object], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written."""
    monkeypatch.chdir(tmp_path)
    assert codes(**{"path": "model.pt2", **wanted}) == [code]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("keep", [False, True])
def test_dynamic_sides_of_windows_are_refused(keep: bool, tmp_path: Path) -> None:
    """Though torch might trace them, after minutes."""
    wanted = {"dynamic": ("height",), "size": (48, 48), "keep_operators": keep}
    model = sparx_dsl.build(small("window_attention"))
    assert codes(model=model, path=tmp_path / "model.pt2", **wanted) == ["SPX573"]
    assert not list(tmp_path.iterdir())


def test_models_without_float32_weights_are_refused(tmp_path: Path) -> None:
    """In other dtypes, and on the device meta."""
    for model in (sparx_dsl.build(small("ssm"), dtype="bfloat16"), sparx_dsl.build(small("ssm"), device="meta")):
        assert codes(model=model, path=tmp_path / "model.pt2") == ["SPX573"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """As for every file that cannot be written, and before anything is done."""
    said: list[str] = []
    model = sparx_dsl.build(small("window_attention"))
    assert codes(model=model, path=tmp_path / "no" / "model.pt2", progress=said.append) == ["SPX502"]
    assert said == []


@pytest.mark.parametrize("wrong", [2e-4, float("nan")])
def test_a_file_with_other_results_is_not_left_behind(
    wrong: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the one that was there stays."""
    model, target = sparx_dsl.build(small("window_attention")), tmp_path / "model.pt2"
    target.write_bytes(b"former")

    def run(format: str, path: Path, batches: list[torch.Tensor]) -> list[list[torch.Tensor]]:
        assert path.stat().st_size > 1000
        return [[results + wrong * results.abs().max()] for results in map(model.eval(), batches)]

    monkeypatch.setattr(pt2, "run_in_process", run)
    assert codes(model=model, path=target) == ["SPX575"]
    assert target.read_bytes() == b"former"
    assert [*tmp_path.iterdir()] == [target]


def test_a_process_that_fails_is_reported(tmp_path: Path) -> None:
    """With the last line that it wrote."""
    (tmp_path / "model.pt2").write_bytes(b"no program")
    with pytest.raises(RuntimeError, match="not a zip file"):
        pt2.run(tmp_path / "model.pt2", [torch.zeros(1, 3, 24, 24)])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_an_error() -> None:
    """torch's writer of such files would end the process."""
    program = torch.export.export(torch.nn.Linear(2, 3), (torch.zeros(1, 2),))
    with pytest.raises(OSError, match="No space left"):
        pt2.write(program, Path("/dev/full"))
