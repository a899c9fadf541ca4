"""How backbones are measured: on which device, with which images, in which mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text
from sparx_dsl.language.dtypes import DType
from sparx_dsl.lowering.build import TORCH_DTYPES

Progress = Callable[[str], None]
"""Is given a line about what is being done."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all backbones of one measurement have in common."""

    device: str = "cpu"
    batch: int = 1
    size: tuple[int, int] | None = None
    """Height and width of the images in pixels; by default each spec's own."""
    dtype: DType = "float32"
    deploy: bool = False
    train: bool = False
    """Forward and backward pass in training mode; otherwise the forward pass for inference."""
    compile: bool = False
    """Through ``torch.compile``."""
    seconds: float = 3.0
    """How long each backbone runs, at least; five times in any case."""

    @property
    def torch_dtype(self) -> torch.dtype:
        """The type of parameters and images."""
        return TORCH_DTYPES[self.dtype]

    @property
    def on_cuda(self) -> bool:
        """Whether the device is a GPU of CUDA or ROCm."""
        return torch.device(self.device).type == "cuda"

    @property
    def mode(self) -> str:
        """What runs, as a text."""
        words = ["training"] if self.train else ["deployed"] if self.deploy else ["inference"]
        return ", ".join([*words, *(["compiled"] if self.compile else [])])


def check_settings(settings: Settings) -> None:
    """Raise ``SparxError`` for settings that exclude each other, and for a device that is not here."""
    if settings.train and settings.deploy:
        message, help = "a deployed backbone is for inference and cannot be trained", "leave out deploy or train"
        raise SparxError(Diagnostic(Code.CONFLICTING_OPTIONS, message, help=help))
    try:
        torch.empty(1, device=settings.device)
    except (RuntimeError, AssertionError) as error:  # an assertion where torch is built without CUDA
        raise cannot_measure(
            f"the device {settings.device!r} cannot be used", error, "write cpu, cuda or mps"
        ) from None


def cannot_measure(what: str, error: BaseException, help: str | None = None) -> SparxError:
    """The error (SPX581) of a backbone or a device that does not run, with what torch says."""
    return SparxError(Diagnostic(Code.BENCH_FAILED, what, notes=(exception_text(error),), help=help))


def machine(settings: Settings) -> str:
    """The device with its threads, and the version of torch."""
    name = torch.cuda.get_device_name(settings.device) if settings.on_cuda else settings.device
    threads = "" if settings.on_cuda else f" with {torch.get_num_threads()} threads"
    return f"{name}{threads}, torch {torch.__version__}"
