"""The compiled module computes what the schedule and the connection graph say: results and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl import Spec
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.fxgraph import other_steps
from sparx_dsl.nn.stage import Stage
from tests.support.backbones import tiny
from tests.support.compiled import backbones, images_for, naive
from tests.support.strategies import specs


def by_the_graph(backbone: Backbone, images: Tensor) -> dict[str, Tensor]:
    """Run the nodes of the connection graph one after the other, without looking at the schedule."""
    graph = backbone.schedule.graph
    stages = [each for each in backbone.schedule.features or () if isinstance(each, int)]
    last = max(stages or [len(graph.spec.stages)])
    maps: dict[str, Tensor] = {}

    def part(name: str, *inputs: Tensor) -> Tensor:
        return backbone.get_submodule(name)(*inputs)

    for node in graph.nodes:
        if node.stage > last or (node.role == "head" and backbone.schedule.features):
            continue
        (feed,) = [edge.source for edge in graph.edges if edge.target == node.name and edge.kind == "feed"] or [None]
        x = images if feed is None else maps[feed]
        if node.role != "layer":
            into = [edge for edge in graph.edges if edge.target == node.name]
            taps = sorted((edge.slot, edge.source) for edge in into if edge.slot is not None)
            whole = [*(maps[source] for _, source in taps), x, images] if node.site.maps else [x]
            maps[node.name] = part(node.name, *whole)
            continue
        settings = node.layer_settings
        heard = sorted(
            (edge for edge in graph.edges if edge.target == node.name and edge.slot is not None),
            key=lambda edge: edge.slot or 0,
        )
        features = [
            part(f"{node.name}.link_{edge.source.replace('.', '_')}", maps[edge.source])
            if graph.adapted(edge)
            else maps[edge.source]
            for edge in heard
        ]
        if settings.dpe:
            x = part(f"{node.name}.dpe", x)
        fused = [part(f"{node.name}.fusion", x, torch.cat(features, dim=1))] if features else []
        x = part(f"{node.name}.mixer", x, *fused)
        x = x if settings.ffn.kind == "none" else part(f"{node.name}.ffn", x)
        maps[node.name] = part(f"{node.name}.norm", x) if settings.end_norm else x
    return maps


def maps_of(result: Tensor | list[Tensor] | tuple[Tensor, ...]) -> list[Tensor]:
    """The results as a list; in training a head may give two."""
    return [result] if isinstance(result, Tensor) else list(result)


def differentiate(
    backbone: Backbone, run: Callable[[Backbone, Tensor], Tensor | list[Tensor]], images: Tensor
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Results and gradients (input first) of one run from a fixed seed; running statistics are put back afterwards."""
    images = images.clone().requires_grad_()
    before = {name: buffer.clone() for name, buffer in backbone.named_buffers()}
    torch.manual_seed(3)
    results = maps_of(run(backbone, images))
    torch.manual_seed(4)
    loss = sum((result * torch.randn_like(result)).sum() for result in results)
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, [images, *backbone.parameters()], allow_unused=True)
    with torch.no_grad():
        for name, buffer in backbone.named_buffers():
            buffer.copy_(before[name])
    return [result.detach() for result in results], list(gradients)


@settings(max_examples=20, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4), training=st.booleans())
def test_results_and_gradients_are_bitwise_those_of_a_naive_run(backbone: Backbone, training: bool) -> None:
    """The generated forward gives what a run that frees nothing gives, bit for bit, and so do its gradients."""
    backbone.train(training)
    images = images_for(backbone.spec, 2)
    results, gradients = differentiate(backbone, lambda model, x: model(x), images)
    expected, expected_gradients = differentiate(backbone, naive, images)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
    for name, a, b in zip(["images", *dict(backbone.named_parameters())], gradients, expected_gradients, strict=True):
        if name.startswith("head.auxiliary") and not training:
            assert a is None and b is None, f"{name} belongs to training"  # noqa: PT018
            continue
        assert a is not None, f"{name} has no gradient"
        assert b is not None
        assert torch.equal(a, b), name


@settings(max_examples=20, deadline=None)
@given(spec=specs(most_stages=3, deepest=4))
def test_every_parameter_learns(spec: Spec) -> None:
    """No parameter of logits, or of all stages' maps, is left without a gradient, as distributed training needs."""
    for features in (None, tuple(range(1, len(spec.stages) + 1))):
        backbone = sparx_dsl.build(spec, features=features)
        total = sum(result.sum() for result in maps_of(backbone(images_for(spec, 2))))
        assert isinstance(total, Tensor)
        total.backward()
        assert [name for name, parameter in backbone.named_parameters() if parameter.grad is None] == []


@settings(max_examples=20, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4))
def test_results_are_bitwise_those_of_the_graph(backbone: Backbone) -> None:
    """The generated forward gives what the connection graph says, bit for bit."""
    images = images_for(backbone.spec)
    with torch.no_grad():
        results, maps = maps_of(backbone.eval()(images)), by_the_graph(backbone, images)
    assert len(results) == len(backbone.schedule.outputs)
    for name, result in zip(backbone.schedule.outputs, results, strict=True):
        assert torch.equal(result, maps[name]), name


@pytest.mark.parametrize("source", ["stem", "stage1.layer1", "stage2.downsample", "stage2.layer1"])
@torch.no_grad()
def test_a_link_starts_at_any_node(source: str) -> None:
    """Its adapter runs right behind the node, where that stands outside all layers, too."""
    stages = [{"channels": 8, "depth": 1}, {"channels": 8, "depth": 2}, {"channels": 16, "depth": 2, "S": 2}]
    backbone = sparx_dsl.build(tiny(stages=stages, links={"add": [{"from": source, "to": "stage3.layer2"}]})).eval()
    assert isinstance(backbone, Backbone)
    assert list(other_steps(backbone, backbone.schedule)) == []
    images = images_for(backbone.spec)
    (result,), expected = maps_of(backbone(images)), by_the_graph(backbone, images)
    assert torch.equal(result, expected[backbone.schedule.outputs[0]])


def test_other_steps_are_named() -> None:
    """A model that gathers features in another order, or leaves out a part, does not pass for the schedule."""
    model = sparx_dsl.build(tiny(), device="meta")
    stage = model.get_submodule("stage2")
    assert isinstance(stage, Stage)
    *calls, last = stage.calls
    x, *features = last.reads
    stage.calls = (*calls, replace(last, reads=(x, *reversed(features))))
    assert list(other_steps(model, model.schedule)) == [
        "stage2_layer4_gather is planned, and cat_1 is called, or on other results"
    ]
    stage.calls = (*calls, last)
    del model.get_submodule("stage1.layer1").ffn
    assert "steps are" in next(other_steps(model, model.schedule))
