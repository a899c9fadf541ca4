"""The example of Mask R-CNN: its size is Table 3's, and torchvision's detector runs on a compiled backbone."""

from __future__ import annotations

import runpy
import subprocess
import sys
from typing import Any

import pytest
import torch

import sparx_dsl
from sparx_dsl.paper.detector import mask_rcnn_price
from tests.support.paths import ROOT, SPECS
from tests.support.torchvision_operators import use_naive_operators

pytestmark = pytest.mark.filterwarnings("default")

EXAMPLE = ROOT / "examples" / "mask_rcnn.py"
TABLE_3 = {"sparx_mamba_t": 47, "sparx_mamba_s": 67, "sparx_mamba_b": 103, "vmamba_t": 50, "swin_t": 48}
"""Millions of parameters, as printed."""


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The example's names, with torchvision imported whether or not its operators match."""
    return runpy.run_path(str(EXAMPLE), run_name="mask_rcnn")


@pytest.mark.parametrize("name", TABLE_3)
def test_the_detector_has_the_printed_size(example: dict[str, Any], name: str) -> None:
    """Built on the meta device, the detector has the printed parameters within 1 %."""
    spec = sparx_dsl.load_spec(SPECS / f"{name}.yaml")
    model = example["mask_rcnn"](spec, "meta")
    assert all(parameter.is_meta for parameter in model.parameters())
    params = sum(parameter.numel() for parameter in model.parameters())
    assert abs(params / (TABLE_3[name] * 1e6) - 1) < 0.01
    # What ``sparx paper`` counts in shapes is what was built, and what torch's counter sees of it.
    price = mask_rcnn_price(spec, (800, 1280))
    assert (price.params, price.macs) == (params, example["macs"](spec, model))
    # The backbone's share is what the language says, the norms' two numbers a channel.
    body = sparx_dsl.cost(spec, features=(1, 2, 3, 4)).params
    assert body == sum(parameter.numel() for parameter in model.backbone.body.parameters())


def test_the_detector_runs(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An image gives boxes inside it, with labels, scores and masks of its size; with naive operators where need be."""
    use_naive_operators(monkeypatch)
    torch.manual_seed(0)
    spec = sparx_dsl.parse_spec({
        "sparx": 1, "name": "small", "stem": {"kind": "conv"},
        "layer": {"mixer": {"kind": "window_attention", "heads": 2}, "fusion": {"kind": "concat"}},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 8, "depth": 2, "S": 2}, {"channels": 8, "depth": 1},
                   {"channels": 8, "depth": 1}],
    })  # fmt: skip
    model = example["mask_rcnn"](spec).eval()
    # Of 81 classes under random weights, none is likely.
    model.roi_heads.score_thresh = 0.0
    model.transform.min_size, model.transform.max_size = (64,), 96
    with torch.inference_mode():
        (found,) = model([torch.rand(3, 50, 70)])
    count = len(found["boxes"])
    assert 0 < count <= 100
    assert found["masks"].shape == (count, 1, 50, 70)
    assert found["labels"].shape == found["scores"].shape == (count,)
    assert found["boxes"].min() >= 0
    assert (found["boxes"] <= torch.tensor([70.0, 50.0, 70.0, 50.0]) + 1e-3).all()


def test_the_count_is_printed() -> None:
    """``--count`` prints a line for each spec with the paper's figure beside it."""
    command = [sys.executable, str(EXAMPLE), "--count", str(SPECS / "swin_t.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    (line,) = done.stdout.splitlines()[1:]
    assert line.split()[:6] == ["swin_t", "47.80", "M", "48", "M", "-0.4%"]


def test_without_torchvision_one_line_says_what_to_install() -> None:
    """And no traceback."""
    program = "import runpy, sys; sys.modules['torchvision'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program, EXAMPLE], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("SPX750 the package torchvision is not installed")
