"""What a compiler makes of a deployed backbone: the operators for inference stay whole in its graph."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import sparx_dsl
from sparx_dsl.inference.deploy import INFERENCE, deploy
from sparx_dsl.inference.passes.tile_batch import TileBatch
from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.onednn import serves
from tests.support.backbones import MIXERS, small
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.recorded_graphs import Recorder

pytestmark = [
    pytest.mark.skipif(library.problem() is not None, reason=str(library.problem())),
    pytest.mark.skipif(not serves(torch.float32), reason="this PyTorch has no oneDNN for this machine"),
    # Dynamo itself makes an instance of every ``autograd.Function`` that it meets.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


def grouped(mixer: str) -> dict[str, object]:
    """A small backbone with one mixer and GroupNorm throughout."""
    return small(mixer, layer={"mixer": MIXERS[mixer], "norm": "group", "ffn": {"kind": "conv", "ratio": 1}})


def of_every_norm(mixer: str) -> dict[str, object]:
    """A small backbone with one mixer throughout, in normal and ganglion layers of every norm."""
    layers = {number: {"norm": norm} for number, norm in enumerate(("group", "layer", "batch"), start=1)}
    stages = [
        {"channels": 8, "depth": len(layers), "layers": layers},
        {"channels": 16, "depth": len(layers), "S": 1, "M": 1, "layers": layers},
    ]
    return small(mixer, stages=stages)


@pytest.mark.parametrize("mixer", MIXERS)
def test_operators_for_inference_stay_whole(mixer: str) -> None:
    """One graph without a plain convolution or norm over maps, which gives the results of the plain backbone."""
    torch.compiler.reset()
    model, recorder = trained(sparx_dsl.build(of_every_norm(mixer))), Recorder()
    compiled = torch.compile(deploy(model), backend=recorder, fullgraph=True)
    images = images_of(model, 2)
    before = images.clone()
    assert worst_error(results(compiled, images), results(model, images)) < SINGLE
    assert torch.equal(images, before)
    found = recorder.counts()
    # A mixer without a projection has an activation of its own between two products.
    assert not {"conv2d", "group_norm"} & set(found), found
    assert bool(found["gelu"]) == (mixer == "depthwise")
    assert found["product"]
    assert found["convolution"]
    assert bool(found["ss2d_"]) == (mixer == "ss2d")
    assert found["map_norm"] + found["map_norm_"] == sum(isinstance(module, nn.GroupNorm) for module in model.modules())


def test_compilers_write_over_maps_as_eager_code_does() -> None:
    """Made functional and back by the compiler, operators in place give the same results, again and again."""
    torch.compiler.reset()
    model = trained(sparx_dsl.build(of_every_norm("ss2d")))
    compiled, images = torch.compile(deploy(model), backend="aot_eager", fullgraph=True), images_of(model, 3)
    first = results(compiled, images)
    assert worst_error(first, results(model, images)) < SINGLE
    assert worst_error(results(compiled, images), first) == 0


def test_compiled_code_sees_weights_that_were_written_to() -> None:
    """What is packed of a weight is packed again."""
    torch.compiler.reset()
    model = trained(sparx_dsl.build(grouped("ss2d")))
    deployed = deploy(model)
    compiled, images = torch.compile(deployed, backend="aot_eager"), images_of(model, 2)
    before = results(compiled, images)
    with torch.no_grad():
        for parameter in deployed.parameters():
            parameter.mul_(0.9)
    assert worst_error(results(compiled, images), results(deployed, images)) < SINGLE
    assert worst_error(results(compiled, images), before) > 100 * SINGLE


def test_gradients_of_images_pass_compiled_code() -> None:
    """Where images take a gradient, the graph has the plain operators, as it has without a compiler."""
    torch.compiler.reset()
    deployed, recorder = deploy(trained(sparx_dsl.build(grouped("ss2d")))), Recorder()
    images = torch.randn(1, 3, 24, 24, requires_grad=True)
    compiled = torch.compile(deployed, backend=recorder, fullgraph=True)
    found, expected = (torch.autograd.grad(each(images).square().sum(), images) for each in (compiled, deployed))
    assert worst_error(list(found), list(expected)) < 1e-4
    assert not {"product", "convolution"} & set(recorder.counts())


def test_exported_programs_have_plain_operators() -> None:
    """They run where this package is not."""
    deployed = deploy(trained(sparx_dsl.build(grouped("window_attention"))))
    program = torch.export.export(deployed, (torch.randn(2, 3, 24, 24),))
    assert not [node for node in program.graph.nodes if "sparx_dsl" in str(node.target)]


def test_a_forced_backend_of_the_scan_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code takes the scan that the environment forces, never another one in silence."""
    monkeypatch.setenv("SPARX_SCAN_BACKEND", "reference")
    torch.compiler.reset()
    model, recorder = trained(sparx_dsl.build(grouped("ss2d"))), Recorder()
    results(torch.compile(deploy(model), backend=recorder), images_of(model, 1))
    assert recorder.counts()["ss2d_scan"]
    assert not recorder.counts()["ss2d_"]


def test_tiles_of_the_batch_stay_in_the_graph_of_one_size() -> None:
    """They are parts of a graph for one batch size; where the size varies, the whole batch goes through at once."""
    model = trained(sparx_dsl.build(grouped("ss2d")))
    images = images_of(model, 4)
    tiled = deploy(model, (*INFERENCE[:-1], TileBatch(tile_bytes=4096)))
    expected, counts = results(model, images), list[int]()
    for dynamic in (False, True):
        torch.compiler.reset()
        recorder = Recorder()
        compiled = torch.compile(tiled, backend=recorder, fullgraph=True, dynamic=dynamic)
        assert worst_error(results(compiled, images), expected) < SINGLE
        counts.append(recorder.counts()["product"])
    assert worst_error(results(compiled, images[:3]), [each[:3] for each in expected]) < SINGLE
    assert counts[0] > counts[1]
