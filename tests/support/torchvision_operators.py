"""Operators of torchvision in plain PyTorch, where its compiled ones do not match torch."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor

from sparx_dsl.integrations.required import has_compiled_operators


def use_naive_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let detectors run where torchvision's own operators do not."""
    if not has_compiled_operators():
        monkeypatch.setattr("torchvision.ops.boxes.nms", naive_nms)
        monkeypatch.setattr("torchvision.ops.poolers.roi_align", naive_roi_align)
        monkeypatch.setattr("torchvision.models.detection.roi_heads.roi_align", naive_roi_align)


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
    maps: Tensor, rois: Tensor, output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int = -1
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
