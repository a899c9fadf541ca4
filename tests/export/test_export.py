"""Exported files: run by their own runtimes with the model's results."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
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
from tests.support.markdown import bodies
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
def test_the_block_of_the_page_gives_the_results_of_every_mixer(
    mixer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/export.md has it, of a smaller backbone: with any number of images, the one of a window included."""
    (block,) = bodies(DOCS / "export.md", "python")
    assert block.count('"sparx_mamba_t"') == block.count("(224, 224)") == 1
    spec = sparx_dsl.parse_spec(small(mixer, stages=[{"channels": 8, "depth": 1}]))
    (tmp_path / "small.yaml").write_text(sparx_dsl.dump_spec(spec), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "block.py").write_text(block.replace("sparx_mamba_t", "small.yaml").replace("224, 224", "12, 12"))
    report = runpy.run_path("block.py")["report"]
    assert report.error <= CLOSE
    assert report.batches == (1, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["block.py", "model.onnx", "small.yaml"]


@pytest.mark.slow
def test_onnxruntime_runs_a_deployed_backbone(tmp_path: Path) -> None:
    """With every mixer, and one number of images."""
    model = sparx_dsl.build(mixed(), deploy=True)
    report = sparx_dsl.export(model, tmp_path / "model.onnx", "onnx", size=(32, 32))
    assert report.error <= CLOSE
    assert report.runtime.startswith("onnxruntime ")


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
