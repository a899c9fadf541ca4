"""What is measured: backbones of specs, and models of timm, each ready to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.lowering import build_backbone
from sparx_dsl.measuring.settings import Settings
from sparx_dsl.pricing import cost

PEER = "timm:"
"""What stands before the name of a model of timm."""


@dataclass(frozen=True)
class Subject:
    """A model and its images, ready to run."""

    name: str
    model: nn.Module
    images: Tensor
    """(batch, channels, height, width)"""
    params: int
    planned_bytes: int | None
    """What the plan says that feature buffers hold at most, or in training what is saved; None for models of others."""

    def run(self, train: bool) -> None:
        """Run once: forward, and in training backward too."""
        if not train:
            with torch.inference_mode():
                self.model(self.images)
            return
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(_loss(self.model(self.images)))


def _loss(result: Any) -> Tensor:
    """A number from whatever a model gives: logits, a map, several of them."""
    if isinstance(result, Tensor):
        return result.float().square().mean()
    return torch.stack([_loss(each) for each in result]).sum()


def of_spec(graph: ConnectionGraph, settings: Settings) -> Subject:
    """The backbone of a spec; raises ``SparxError``."""
    size = settings.size or graph.spec.input.size
    price = cost(graph, size, settings.batch, settings.dtype)
    model: nn.Module = build_backbone(graph, device=settings.device, dtype=settings.torch_dtype)
    model = deploy(model.train(False)) if settings.deploy else model.train(settings.train)
    planned = price.saved_bytes if settings.train else price.peak_bytes
    return _subject(graph.spec.name, model, (graph.spec.input.channels, *size), planned, settings)


def of_timm(name: str, settings: Settings) -> Subject:
    """The model of timm of that name; raises ``SparxError`` where timm is missing (SPX750) or knows no such model."""
    timm = _timm()
    known: list[str] = timm.list_models()
    if name not in known:
        message = f"timm {timm.__version__} has no model {name!r}"
        raise SparxError(Diagnostic(Code.BENCH_FAILED, message, help=did_you_mean(name, known)))
    shape: tuple[int, int, int] = timm.get_pretrained_cfg(name).input_size
    channels, height, width = shape
    size = settings.size or (height, width)
    sized = {} if size == (height, width) else {"img_size": size}
    try:
        model: nn.Module = timm.create_model(name, **sized)
    except TypeError:  # Convolutions take any size and have no such argument.
        model = timm.create_model(name)
    model = model.to(settings.device, settings.torch_dtype).train(settings.train)
    return _subject(f"{PEER}{name}", model, (channels, *size), None, settings)


def _subject(
    name: str, model: nn.Module, shape: tuple[int, int, int], planned: int | None, settings: Settings
) -> Subject:
    images = torch.randn(settings.batch, *shape, device=settings.device, dtype=settings.torch_dtype)
    params = sum(parameter.numel() for parameter in model.parameters())
    ready = cast("nn.Module", torch.compile(model)) if settings.compile else model  # pyright: ignore[reportUnknownMemberType]
    return Subject(name, ready, images, params, planned)


def _timm() -> Any:
    from sparx_dsl.integrations.required import import_torchvision, not_installed

    try:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # Nothing is loaded, so nothing is asked of the network.
        import_torchvision()
        import timm
    except ModuleNotFoundError:
        raise not_installed("timm", "timm") from None
    return timm
