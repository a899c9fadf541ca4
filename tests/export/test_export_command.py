"""``sparx export``: the file, what is printed of it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import sparx_dsl
from tests.support.backbones import small
from tests.support.commands import sparx
from tests.support.schemas import check_stated

SPEC = small("window_attention", stages=[{"channels": 8, "depth": 1}])
STEPS = ["model", "export", "decompose", "write", "run"]
"""What is said to be done, on standard error."""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A small spec in a file."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    return path


def test_a_spec_with_weights_is_exported(spec: Path) -> None:
    """Its batch dynamic, deployed: the file holds the weights that were named, and gives the results of their model."""
    weights, output = spec.with_name("weights.safetensors"), spec.with_name("model.pt2")
    model = sparx_dsl.build(spec)
    sparx_dsl.save_checkpoint(model, weights)
    done = sparx("export", spec, "-o", output, "--weights", weights, "--dynamic", "batch", "--deploy", "--json")
    assert done.status == 0
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == STEPS
    report = json.loads(done.stdout)
    check_stated("export", report)
    (file,) = report["files"]
    assert (file["path"], file["bytes"], file["dynamic"]) == (str(output), output.stat().st_size, ["batch"])
    assert file["error"] < 1e-4
    images = torch.randn(2, 3, 24, 24)
    found = torch.export.load(output).module()(images)
    torch.testing.assert_close(found, model.eval()(images), rtol=0, atol=1e-5)


def test_a_spec_alone_is_said_to_have_new_weights(spec: Path) -> None:
    """ONNX, at another size and for two images."""
    output = spec.with_name("model.onnx")
    done = sparx("export", spec, "-o", output, "--size", "16x20", "--batch", "2")
    assert done.status == 0
    assert "for 2 images of 16 x 20 pixels\n" in done.stdout
    assert "freshly drawn" in done.stdout


def test_operators_are_kept_on_request(spec: Path) -> None:
    """In a .pt2 file; an ONNX file cannot have them."""
    kept = sparx("export", spec, "-o", spec.with_name("model.pt2"), "--keep-operators")
    assert kept.status == 0
    assert "for 1 image of 24 x 24 pixels\n" in kept.stdout
    assert "import sparx_dsl.ops" in kept.stdout
    refused = sparx("export", spec, "-o", spec.with_name("model.onnx"), "--keep-operators", "--errors", "concise")
    assert refused.status == 2
    assert "SPX573" in refused.stderr


def test_dynamic_sides_are_refused(spec: Path) -> None:
    """With a diagnostic, and before anything is written."""
    output = spec.with_name("model.pt2")
    done = sparx("export", spec, "-o", output, "--dynamic", "batch,height,width", "--errors", "concise")
    assert done.status == 2
    assert "SPX573" in done.stderr
    assert not output.exists()


def test_a_command_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    """As batch systems end one: with the status of an interrupt, and the folder as it was."""
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    words = [sys.executable, "-m", "sparx_dsl", "export", "spec.yaml", "-o", "model.onnx"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("write: ") for line in process.stderr)
        process.terminate()
        assert process.stderr.read() == ""
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]
