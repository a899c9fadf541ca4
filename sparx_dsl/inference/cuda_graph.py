"""A deployed backbone captured as one CUDA graph: for a few images, launching kernels takes longer than they do."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.inference.deploy import DeployedBackbone
from sparx_dsl.lowering import Backbone

WARM_UPS = 3
"""Calls before the capture, in which kernels are compiled and chosen: a graph can hold neither."""


class CapturedBackbone:
    """A backbone for images of one shape, dtype and device, replayed by a single launch. Gives no gradients.

    It reads the weights where they lay when it was captured: written over in place they count, replaced they don't.
    """

    def __init__(self, model: DeployedBackbone, images: Tensor) -> None:
        """Capture for images (batch, channels, height, width); ``cuda_graph`` has checked the arguments."""
        self.model = model
        self._images = images.detach().clone()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(images.device), torch.inference_mode():
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    model(self._images)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(self._graph):
                self._results = model(self._images)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Any:
        """What the backbone gives for the images, in memory of its own.

        Raises ``SparxError`` (SPX552) for images of another shape, dtype or device than was captured.
        """
        captured, given = _described(self._images), _described(images)
        if captured != given:
            raise _refusal(
                f"the captured backbone is for images {captured}, got {given}",
                "call cuda_graph once for every shape, dtype and device that you need",
            )
        self._images.copy_(images)
        self._graph.replay()
        return _copied(self._results)


def cuda_graph(model: Backbone, images: Tensor) -> CapturedBackbone:
    """Capture a deployed backbone for images (batch, channels, height, width) like the given ones.

    Raises ``SparxError`` (SPX552) for a backbone that is not deployed, images that are not on a CUDA device, and
    weights elsewhere than the images.
    """
    if not isinstance(model, DeployedBackbone):
        raise _refusal("only a deployed backbone can be captured", "pass sparx_dsl.deploy(model)")
    if not images.is_cuda:
        there = "" if torch.cuda.is_available() else ", and this machine has no CUDA device"
        raise _refusal(f"a CUDA graph needs a CUDA device: the images are on {images.device}{there}",
                       'build and deploy the backbone with device="cuda", and pass images on it')  # fmt: skip
    devices = {parameter.device for parameter in model.parameters()}
    if devices - {images.device}:
        found = ", ".join(sorted(map(str, devices)))
        raise _refusal(f"the images are on {images.device}, the backbone on {found}", "move one of them to the other")
    return CapturedBackbone(model, images)


def _described(images: Tensor) -> str:
    return f"{tuple(images.shape)} in {str(images.dtype).removeprefix('torch.')} on {images.device}"


def _copied(results: Any) -> Any:
    """The results apart from the graph's memory, which the next replay writes over."""
    if isinstance(results, Tensor):
        return results.clone()
    return type(results)(map(_copied, results))


def _refusal(message: str, help: str) -> SparxError:
    return SparxError(Diagnostic(Code.NOT_CAPTURABLE, message, help=help))
