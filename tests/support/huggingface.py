"""Configurations and models of Hugging Face's kind, over specs of the tests."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.backbones import mixed, tiny

SPECS: dict[str, dict[str, Any]] = {
    "mixed": mixed(),
    "tiny": tiny(),
    "overrides": tiny(stages=[{"channels": 8, "depth": 2, "layers": {2: {"dpe": False}}}], links={}),
    "extends": {"extends": "sparx_swin_t.yaml", "name": "extended", "stages": {1: {"depth": 1}}},
}


def ours() -> Any:
    """The integration, beside whatever torchvision is installed."""
    return importlib.import_module("sparx_dsl.integrations.huggingface")


def transformers() -> Any:
    """The library, with our models registered."""
    ours()
    return importlib.import_module("transformers")


def config_of(source: Any, **options: Any) -> Any:
    """The configuration of a spec."""
    return ours().SparxConfig.of(source, **options)


def backbone_of(source: Any, **options: Any) -> Any:
    """A backbone in evaluation."""
    torch.manual_seed(0)
    return ours().SparxBackbone(config_of(source, **options)).eval()


def classifier_of(source: Any, **options: Any) -> Any:
    """A classifier in evaluation."""
    torch.manual_seed(0)
    return ours().SparxForImageClassification(config_of(source, **options)).eval()


def images_for(model: Any) -> Tensor:
    """Two images of the spec's size."""
    size = model.sparx.spec.input.size
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two models have the same tensors under the same names, bit for bit."""
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
