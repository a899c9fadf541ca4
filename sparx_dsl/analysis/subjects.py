"""What an analysis takes: backbones, in evaluation while it lasts, and batches of images that suit them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import torch
from torch import Tensor, nn

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text
from sparx_dsl.inference.deploy import DeployedBackbone
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.backbone import refuse_exchanged
from sparx_dsl.lowering.wrapped import backbone_within


def analysed(model: nn.Module) -> Backbone:
    """The backbone that a model is, perhaps within wrappers.

    Raises ``SparxError``: SPX328 for another model and for a deployed backbone, SPX324 where layers were replaced, and
    SPX630 where it has no weights.
    """
    backbone = backbone_within(model, "analysed")
    if isinstance(backbone, DeployedBackbone):
        message = "a deployed backbone cannot be analysed: it has other modules than its spec says"
        raise SparxError(Diagnostic(Code.NOT_A_BACKBONE, message, help="pass the backbone that it was made from"))
    refuse_exchanged(backbone, "analysed")
    if any(parameter.is_meta for parameter in backbone.parameters()):
        raise SparxError(Diagnostic(Code.MODEL_ON_META, "a model on the device meta has no weights to analyse"))
    return backbone


@contextlib.contextmanager
def in_evaluation(*models: nn.Module) -> Generator[None]:
    """Put models in evaluation mode, and each module back into its own mode at the end."""
    modes = {module: module.training for model in models for module in model.modules()}
    for model in models:
        model.train(False)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def suited(images: object, backbone: Backbone) -> Tensor:
    """A batch of images (batch, channels, height, width) on the device and in the dtype of a backbone.

    Raises ``SparxError`` (SPX590) for anything else, and for another number of channels than the backbone takes.
    """
    channels = backbone.spec.input.channels
    if not isinstance(images, Tensor):
        message = f"a batch of images is a {type(images).__name__}, not a tensor"
        raise invalid(message, "give tensors (batch, channels, height, width); of a pair, the first part")
    if images.dim() != 4 or images.shape[1] != channels or not images.is_floating_point():
        shape = ", ".join(map(str, images.shape))
        message = f"{backbone.spec.name} cannot read a batch of images of shape ({shape}) and {images.dtype}"
        raise invalid(message, f"give floating-point tensors (batch, {channels}, height, width)")
    first = next(backbone.parameters(), torch.empty(0))
    return images.detach().to(first.device, first.dtype)


def check_device(device: str) -> None:
    """Raise ``SparxError`` (SPX590) for a device that is not here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # an assertion where torch is built without CUDA
        message, notes = f"the device {device!r} cannot be used", (exception_text(error),)
        help = "write cpu, cuda or mps"
        raise SparxError(Diagnostic(Code.INVALID_ANALYSIS, message, notes=notes, help=help)) from None


def invalid(message: str, help: str | None = None) -> SparxError:
    """The error (SPX590) of an analysis that cannot be made."""
    return SparxError(Diagnostic(Code.INVALID_ANALYSIS, message, help=help))
