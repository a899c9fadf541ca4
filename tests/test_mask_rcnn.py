"""The example of Mask R-CNN: its size is Table 3's, and torchvision's detector runs on a compiled backbone."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from tests.support.paths import ROOT, SPECS
from tests.support.torchvision_operators import import_torchvision

pytestmark = pytest.mark.filterwarnings("default")

EXAMPLE = ROOT / "examples" / "mask_rcnn.py"
TABLE_3 = {"sparx_mamba_t": 47, "sparx_mamba_s": 67, "sparx_mamba_b": 103, "vmamba_t": 50, "swin_t": 48}
"""Millions of parameters, as printed."""


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The example's names, with torchvision imported whether or not its operators match."""
    names = runpy.run_path(str(EXAMPLE), run_name="mask_rcnn")
    # Other tests of this process may have declared the operators before the example can.
    working = import_torchvision() is None
    assert names["torchvision_operators"]() == (True, None)
    return {**names, "working": working}


@pytest.mark.parametrize("name", TABLE_3)
def test_the_detector_has_the_printed_size(example: dict[str, Any], name: str) -> None:
    """Built on the meta device, the detector has the printed parameters within 1 %."""
    spec = sparx_dsl.load_spec(SPECS / f"{name}.yaml")
    model = example["mask_rcnn"](spec, "meta")
    assert all(parameter.is_meta for parameter in model.parameters())
    params = sum(parameter.numel() for parameter in model.parameters())
    assert abs(params / (TABLE_3[name] * 1e6) - 1) < 0.01
    # The backbone's share is what the language says, the norms' two numbers a channel.
    body = sparx_dsl.cost(spec, features=(1, 2, 3, 4)).params
    assert body == sum(parameter.numel() for parameter in model.backbone.body.parameters())


def naive_nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Boxes from the best score on, each unless it overlaps a better one that was kept."""
    box_iou: Any = importlib.import_module("torchvision.ops.boxes").box_iou

    overlap: Tensor = box_iou(boxes, boxes)
    kept: list[int] = []
    for place in map(int, scores.argsort(descending=True)):
        if all(overlap[place, other] <= threshold for other in kept):
            kept.append(place)
    return torch.tensor(kept, dtype=torch.long)


def naive_roi_align(
    maps: Tensor, rois: Tensor, output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int
) -> Tensor:
    """One bilinear sample in the middle of each cell of a region."""
    found = [maps.new_empty((0, maps.shape[1], *output_size))]
    for roi in rois:
        left, top, right, bottom = roi[1:] * spatial_scale
        rows = top + (torch.arange(output_size[0]) + 0.5) * (bottom - top) / output_size[0]
        columns = left + (torch.arange(output_size[1]) + 0.5) * (right - left) / output_size[1]
        places = (columns * 2 / maps.shape[3] - 1, rows * 2 / maps.shape[2] - 1)
        grid = torch.stack(torch.meshgrid(*places, indexing="xy"), -1)
        sampled = torch.nn.functional.grid_sample(maps[int(roi[0])][None], grid[None], align_corners=False)
        found.append(sampled)
    return torch.cat(found)


def test_the_detector_runs(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An image gives boxes inside it, with labels, scores and masks of its size; with naive operators where need be."""
    if not example["working"]:
        monkeypatch.setattr("torchvision.ops.boxes.nms", naive_nms)
        monkeypatch.setattr("torchvision.ops.poolers.roi_align", naive_roi_align)
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
