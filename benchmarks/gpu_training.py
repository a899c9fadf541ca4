"""Training on a CUDA device: whether gradients through our kernels are PyTorch's, steps beside timm's Swin, memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from gpu_kernels import error
from gpu_timing import Report, milliseconds, peak_megabytes
from torch import Tensor, nn
from torch.nn import functional

import sparx_dsl
from sparx_dsl.nn.norm import ChannelNorm, WholeMapNorm

Makers = Mapping[str, Callable[[], nn.Module | None]]
"""Models by the name of their row; None where a model cannot be had."""
TOLERANCE = 1e-3
"""The largest relative difference of a gradient in float32, of a whole model."""
SMALL = 64


def by_pytorch(model: nn.Module) -> nn.Module:
    """A copy whose norms and depthwise convolutions are PyTorch's operators, on the same layout; for comparison."""
    plain = copy.deepcopy(model)
    for module in plain.modules():
        if isinstance(module, WholeMapNorm):
            module.forward = partial(nn.GroupNorm.forward, module)
        elif isinstance(module, ChannelNorm):
            module.forward = partial(channel_norm, module)
        elif isinstance(module, nn.Conv2d):
            module.register_forward_hook(watch)  # a convolution that is watched is called as it is
    return plain


def watch(*given: object) -> None:
    """Change nothing."""


def channel_norm(norm: ChannelNorm, input: Tensor) -> Tensor:
    """LayerNorm over the channels of a map (batch, channels, height, width) by PyTorch's operator."""
    normed = functional.layer_norm(input.permute(0, 2, 3, 1), norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return normed.permute(0, 3, 1, 2)


def gradients_correctness(report: Report) -> bool:
    """Print the largest differences of logits and gradients to those by PyTorch's operators; whether all are small."""
    title = "A step of training in float32, differences to PyTorch's operators"
    report.heading(title, "model", "logits", "gradients", "")
    good = True
    for name in ("sparx_mamba_t", "sparx_swin_t"):
        torch.manual_seed(0)
        model = sparx_dsl.build(name, device="cuda").train()
        model.set_drop_path(0.0)
        images = torch.randn(4, 3, SMALL, SMALL, device="cuda").contiguous(memory_format=torch.channels_last)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            logits, found = step_of_gradients(model, images)
            expected, wanted = step_of_gradients(by_pytorch(model), images)
        errors = (error([logits], [expected]), worst(found, wanted))
        within = all(each <= TOLERANCE for each in errors)
        good = good and within
        report.row(name, *(f"{each:.1e}" for each in errors), "within" if within else "WRONG")
    return good


def worst(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference of a gradient, relative to the largest value of that, or a hundredth of that of all.

    Biases in front of norms have none but rounding.
    """
    least = max(float(each.abs().max()) for each in expected) / 100
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(least)) for a, b in pairs)


def step_of_gradients(model: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits, and the gradients of all parameters for a fixed mixture of them."""
    logits: Tensor = model(images)
    mixture = torch.cos(torch.arange(logits.numel(), device=logits.device, dtype=torch.float32)).view_as(logits)
    return logits.detach(), list(torch.autograd.grad((logits * mixture).sum(), list(model.parameters())))


def step_of(model: nn.Module, batch: int, size: int) -> Callable[[], None]:
    """A step of training under autocast to bfloat16, with fused AdamW."""
    optimiser = torch.optim.AdamW(model.train().parameters(), fused=True)
    images = torch.randn(batch, 3, size, size, device="cuda").contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (batch,), device="cuda")

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()

    return step


def training(report: Report, makers: Makers, batch: int, size: int) -> None:
    """Images a second and peak memory of training; the first row is what ratios refer to."""
    columns = ("images a second", "to the first", "peak MB")
    report.heading(f"Training, autocast to bfloat16, batch {batch}", "model", *columns)
    base: float | None = None
    for place, (name, make) in enumerate(makers.items()):
        model = make()
        if model is None:
            continue
        step = step_of(model, batch, size)
        taken = report.measure(partial(milliseconds, step, runs=5), seconds=5)
        speed = batch / taken * 1e3 if isinstance(taken, float) else taken
        if place == 0 and isinstance(speed, float):
            base = speed
        ratio = speed / base if base is not None and isinstance(speed, float) else None
        report.row(name, speed, ratio, report.measure(partial(peak_megabytes, step)))
        torch.cuda.empty_cache()
