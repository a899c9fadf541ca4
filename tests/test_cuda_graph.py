"""Capturing a deployed backbone as a CUDA graph, and what is refused."""

from __future__ import annotations

import pytest
import torch

import sparx_dsl
from sparx_dsl.inference.cuda_graph import cuda_graph
from tests.support.backbones import small
from tests.support.deployed import images_of, results, worst_error

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def refused(model: sparx_dsl.Backbone, images: torch.Tensor) -> str:
    """The message and the help of the one diagnostic."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.cuda_graph(model, images)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == sparx_dsl.Code.NOT_CAPTURABLE
    return f"{diagnostic.message}; {diagnostic.help}"


def test_only_deployed_backbones_are_captured() -> None:
    """The plain backbone is refused with what to pass instead."""
    model = sparx_dsl.build(small("ss2d"))
    assert "pass sparx_dsl.deploy(model)" in refused(model, images_of(model, 1))


def test_images_elsewhere_than_on_cuda_are_refused() -> None:
    """With where they are, and what to write."""
    model = sparx_dsl.deploy(sparx_dsl.build(small("ss2d")).eval())
    said = refused(model, images_of(model, 1))
    assert "the images are on cpu" in said
    assert 'device="cuda"' in said
    assert torch.cuda.is_available() or "no CUDA device" in said


@needs_cuda
def test_a_captured_backbone_gives_what_the_backbone_gives() -> None:
    """For other images than it was captured with, call after call."""
    model = sparx_dsl.deploy(sparx_dsl.build(small("ss2d"), device="cuda").eval())
    first, second = (torch.randn(2, 3, 24, 24, device="cuda") for _ in range(2))
    captured = cuda_graph(model, first)
    found, kept = results(captured, second), results(captured, first)
    assert worst_error(found, results(model, second)) <= 1e-5
    assert worst_error(kept, results(model, first)) <= 1e-5
    with pytest.raises(sparx_dsl.SparxError, match="is for images"):
        captured(first[:1])
