"""Exported files: run by their own runtimes with the model's results, refused or left out where that cannot be."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.exporting import pt2
from sparx_dsl.exporting.formats import compiler
from tests.support.backbones import MIXERS, mixed, small
from tests.support.paths import DOCS, ROOT

CLOSE = 1e-5
"""The error that is accepted here, relative to the largest value."""


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_pt2_file_runs_without_this_package(mixer: str, tmp_path: Path) -> None:
    """Scans and windows, with any number of images: the report has the error of a process with torch alone."""
    model = sparx_dsl.build(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    report = sparx_dsl.export(model, tmp_path / "model.pt2", size=(12, 12), dynamic=("batch",))
    assert report.error <= CLOSE
    assert report.batches == (1, 3)
    assert report.bytes == (tmp_path / "model.pt2").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]
    assert model.training


@pytest.mark.slow
def test_a_whole_backbone_runs_with_its_own_images(tmp_path: Path) -> None:
    """SparX-Swin-T at 224 × 224 pixels, 1 and 3 images; ``benchmarks/export.py`` has every mixer in every format."""
    report = sparx_dsl.export(sparx_dsl.build("sparx_swin_t"), tmp_path / "model.pt2", dynamic=("batch",))
    assert report.error <= CLOSE
    assert (report.size, report.batches) == ((224, 224), (1, 3))


@pytest.mark.parametrize("mixer", MIXERS)
def test_onnxruntime_gives_the_results_of_every_mixer(mixer: str, tmp_path: Path) -> None:
    """With any number of images, the one of a window included."""
    model = sparx_dsl.build(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    report = sparx_dsl.export(model, tmp_path / "model.onnx", "onnx", size=(12, 12), dynamic=("batch",))
    assert report.error <= CLOSE
    assert report.batches == (1, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.slow
def test_onnxruntime_runs_a_deployed_backbone(tmp_path: Path) -> None:
    """With every mixer, and one number of images."""
    model = sparx_dsl.build(mixed(), deploy=True)
    report = sparx_dsl.export(model, tmp_path / "model.onnx", "onnx", size=(32, 32))
    assert report.error <= CLOSE
    assert report.runtime.startswith("onnxruntime ")


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


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("executorch") is None, reason="the extra executorch is not installed")
@pytest.mark.parametrize("mixer", MIXERS)
def test_executorch_gives_the_results_of_every_mixer(mixer: str, tmp_path: Path) -> None:
    """In a process that cannot import this package; the products of every mixer are XNNPACK's."""
    model = sparx_dsl.build(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    report = sparx_dsl.export(model, tmp_path / "model.pte", size=(12, 12), batch=2)
    assert report.error <= CLOSE
    assert report.batches == (2,)
    assert b"XnnpackBackend" in (tmp_path / "model.pte").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["model.pte"]


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("mixer", MIXERS)
def test_a_compiled_package_runs_without_this_package(mixer: str, tmp_path: Path) -> None:
    """AOTInductor's, with any number of images."""
    model = sparx_dsl.build(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    report = sparx_dsl.export(model, tmp_path / "model.pt2", "aoti", size=(12, 12), dynamic=("batch",))
    assert report.error <= CLOSE
    assert report.batches == (1, 3)


def test_a_deployed_backbone_with_every_mixer_is_exported(tmp_path: Path) -> None:
    """With one number of images, as stages' maps: outside of compiled kernels its results are the same."""
    model = sparx_dsl.deploy(sparx_dsl.build(mixed(), features=(1, 3)))
    report = sparx_dsl.export(model, tmp_path / "model.pt2", size=(32, 32), batch=2)
    assert report.error <= CLOSE
    assert report.batches == (2,)
    assert "for 2 images of 32 x 32 pixels" in str(report)
    program = torch.export.load(tmp_path / "model.pt2")
    assert not any("sparx_dsl" in str(node.target) for node in program.graph.nodes)


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_pt2_file_keeps_operators(mixer: str, tmp_path: Path) -> None:
    """The format is that of the extension; a process that has imported the operators runs it, and no other one can.

    What is exported may be within a wrapper of PyTorch.
    """
    model, path = sparx_dsl.build(small(mixer)).eval(), tmp_path / "model.pt2"
    report = sparx_dsl.export(nn.DataParallel(model), path, size=(24, 24), keep_operators=True)
    assert report.error == 0
    assert "import sparx_dsl.ops" in report.runtime
    kept = {str(node.target) for node in torch.export.load(path).graph.nodes if "sparx_dsl" in str(node.target)}
    if mixer not in ("ss2d", "ssm", "bi_ssm"):
        assert not kept
    else:
        assert kept <= {"sparx_dsl.ss2d_scan.default", "sparx_dsl.selective_scan.default"}
        assert len(kept) == 1
        with pytest.raises(RuntimeError):
            pt2.run(path, [torch.zeros(1, 3, 24, 24)])


def test_importing_the_operators_is_enough_to_load_them(tmp_path: Path) -> None:
    """In a new process, beside torch: then it gives the model's results, and before, what the docs say of it."""
    model, images = sparx_dsl.build(small("ss2d")).eval(), torch.randn(1, 3, 24, 24)
    sparx_dsl.export(model, tmp_path / "model.pt2", size=(24, 24), keep_operators=True)
    torch.save(images, tmp_path / "images.pt")
    code = """
import sparx_dsl, torch
try:
    torch.export.load("model.pt2")
except RuntimeError as error:
    print(error)
import sparx_dsl.ops
torch.save(torch.export.load("model.pt2").module()(torch.load("images.pt")), "results.pt")
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=with_package(), capture_output=True, text=True, check=True)
    torch.testing.assert_close(torch.load(tmp_path / "results.pt"), model(images), rtol=0, atol=0)
    (said,) = re.findall(r"`(We failed to resolve [^`]*)`", (DOCS / "export.md").read_text(encoding="utf-8"))
    assert said in done.stderr
    assert done.stdout.startswith("We ran into an error")


def with_package() -> dict[str, str]:
    """The environment of a process that finds this package from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("mixer", ["ss2d", "bi_ssm"])
def test_height_and_width_can_be_dynamic(mixer: str, tmp_path: Path) -> None:
    """Every multiple of the stride, down to two of them, in any number of images; the file was run with two sizes."""
    model = sparx_dsl.build(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    report = sparx_dsl.export(model, tmp_path / "model.pt2", size=(16, 20), dynamic=("batch", "height", "width"))
    assert report.error <= CLOSE
    assert report.sizes == ((16, 20), (12, 8))
    assert "for any number of images of 8 to 2048 x 8 to 2048 pixels in steps of 4\n" in str(report)
    program = torch.export.load(tmp_path / "model.pt2").module()
    for shape in ((1, 3, 8, 8), (2, 3, 8, 100), (1, 3, 52, 36)):
        images = torch.randn(shape)
        torch.testing.assert_close(program(images), model.eval()(images), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_onnxruntime_takes_dynamic_sides(tmp_path: Path) -> None:
    """Of SS2D in two stages, with a gather; one side alone can be dynamic too."""
    model = sparx_dsl.build(small("ss2d"))
    report = sparx_dsl.export(model, tmp_path / "model.onnx", size=(48, 32), dynamic=("height", "width"))
    assert report.error <= CLOSE
    assert len(report.sizes) == 2


def codes(**wanted: object) -> list[str]:
    """The codes with which an export of a small backbone is refused."""
    model = wanted.pop("model", None) or sparx_dsl.build(small("ss2d"))
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.export(model, **{"size": (24, 24), **wanted})  # pyright: ignore[reportArgumentType]
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


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
    """As for every file that cannot be written."""
    assert codes(model=sparx_dsl.build(small("window_attention")), path=tmp_path / "no" / "model.pt2") == ["SPX502"]


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
