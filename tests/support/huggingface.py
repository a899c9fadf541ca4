"""Small models of transformers over a compiled backbone, made with its own classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    PreTrainedModel,
    UperNetConfig,
    UperNetForSemanticSegmentation,
)

from sparx_dsl.integrations.huggingface import SparxConfig
from tests.support.backbones import tiny

CLASSES = 3
LABELS: dict[str, Any] = {"num_labels": CLASSES}
"""What every configuration takes, though its own class does not name it."""
STAGES = ["stage1", "stage2", "stage3", "stage4"]


def four_stages() -> dict[str, object]:
    """A spec of four stages, as detectors and segmenters want them, whose maps of 64 pixels halve from 16 to 2."""
    stages = [
        {"channels": 8, "depth": 1},
        {"channels": 16, "depth": 2, "S": 1},
        {"channels": 16, "depth": 1},
        {"channels": 24, "depth": 2, "S": 2},
    ]
    return tiny(name="four_stages", input={"size": 64}, stages=stages, links={})


@dataclass(frozen=True)
class Task:
    """A model over the backbone, and what it is given to compute a loss."""

    make: Callable[[], PreTrainedModel]
    labels: Callable[[int], dict[str, Any]]
    """By the number of images."""


def upernet() -> PreTrainedModel:
    """UPerNet on all four maps."""
    config = UperNetConfig(
        backbone_config=SparxConfig.of(four_stages(), out_features=STAGES),
        hidden_size=16, pool_scales=[1, 2], auxiliary_channels=8, auxiliary_in_channels=16, **LABELS,
    )  # fmt: skip
    return UperNetForSemanticSegmentation(config)


def detr() -> PreTrainedModel:
    """DETR on the last map."""
    config = DetrConfig(
        backbone_config=SparxConfig.of(four_stages(), out_features=STAGES[-1:]),
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=5, **LABELS,
    )  # fmt: skip
    return DetrForObjectDetection(config)


def mask2former() -> PreTrainedModel:
    """Mask2Former on all four maps."""
    config = Mask2FormerConfig(
        backbone_config=SparxConfig.of(four_stages(), out_features=STAGES),
        feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=32, encoder_layers=1,
        decoder_layers=2, num_attention_heads=2, dim_feedforward=32, num_queries=5, **LABELS,
        train_num_points=64,
    )  # fmt: skip
    return Mask2FormerForUniversalSegmentation(config)


def boxes(count: int) -> dict[str, Any]:
    """One box in each image."""
    return {"labels": [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.2]])}] * count}


def masks(count: int) -> dict[str, Any]:
    """One mask in each image."""
    mask = torch.zeros(1, 64, 64)
    mask[:, 8:40, 16:48] = 1
    return {"mask_labels": [mask] * count, "class_labels": [torch.tensor([1])] * count}


def classes(count: int) -> dict[str, Any]:
    """A class for each pixel."""
    labels: Tensor = torch.arange(64 * 64).view(1, 64, 64) % CLASSES
    return {"labels": labels.expand(count, -1, -1)}


TASKS = {"UPerNet": Task(upernet, classes), "DETR": Task(detr, boxes), "Mask2Former": Task(mask2former, masks)}
