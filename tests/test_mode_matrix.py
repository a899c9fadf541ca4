"""Every way to run a backbone, in both modes, in every dtype, on every scan backend of a CPU, beside one oracle.

The oracle computes the spec's plain values in float64, and shares no code with the graph, the schedule and the
lowering. What compilers, exporters and runtimes do for several sizes and batches stands in ``test_modes.py`` and
``test_export.py``, sharded training in ``test_wrapped_models.py``, captured CUDA graphs in ``test_cuda_graph.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.budget import activation_bytes
from tests.support.backbones import mixed, small
from tests.support.deployed import SINGLE, images_of, trained, worst_error
from tests.support.spec_oracle import Mapping
from tests.support.spec_oracle_run import SpecOracle

GRANTED = {torch.float32: SINGLE, torch.bfloat16: 2.0**-7, torch.float16: 2.0**-9}
"""The error that any way to run a backbone may have: what the pages promise in float32, two roundings in bfloat16, and
four in float16, whose own errors are so small that a fold shows, which writes a one beside small weights."""
OF_OWN_ERROR = 2
"""How many times the plain backbone's own error is granted where that is more."""
PLAIN = {torch.float32: SINGLE, torch.bfloat16: 0.1, torch.float16: 0.02}
"""The plain backbone's own error, at most."""
SCANS = ("reference", "torch", "cpu")
BACKENDS = {"ss2d": SCANS, "ssm": SCANS, "bi_ssm": SCANS, "window_attention": ("",)}
"""By mixer the scan backends of a CPU; attention scans nothing."""

Run = Callable[[Tensor], Any]
Make = Callable[[Backbone, Path], Run]


def rebuilt(model: Backbone, folder: Path) -> Run:
    """What the file of its spec and its weights makes."""
    sparx_dsl.save_checkpoint(model, folder / "weights.safetensors")
    dtype = next(model.parameters()).dtype
    return sparx_dsl.build(folder / "weights.safetensors", dtype=dtype).train(model.training)


def recomputed(model: Backbone, folder: Path) -> Run:
    """A copy that saves as little as it can for its backward pass."""
    return sparx_dsl.recompute(copy.deepcopy(model), activation_bytes(model, 2)[0], 2)


def compiled(model: Backbone, folder: Path) -> Run:
    """One graph of the whole, run as it is."""
    torch.compiler.reset()
    return torch.compile(model, fullgraph=True, backend="eager")


def exported(model: Backbone, folder: Path) -> Run:
    """The program of ``torch.export``."""
    return torch.export.export(model, (images_of(model, 2),)).module()


FOR_INFERENCE: dict[str, Make] = {"rebuilt": rebuilt, "deployed": lambda model, _: sparx_dsl.deploy(model)}
IN_TRAINING: dict[str, Make] = {"copied": lambda model, _: copy.deepcopy(model), "recomputed": recomputed}
TRACED: dict[str, Make] = {"compiled": compiled, "exported": exported}


def outcome(images: Tensor, run: Run, training: bool) -> dict[str, Tensor]:
    """The result for images (batch, channels, height, width), and in training their gradient."""
    with torch.set_grad_enabled(training):
        result = run(images.requires_grad_(training))
    if not training:
        return {"result": result}
    (gradient,) = torch.autograd.grad(result.square().mean(), images)
    return {"result": result.detach(), "gradient": gradient}


def exact(spec: Mapping, model: Backbone) -> dict[str, Tensor]:
    """What the oracle says of a backbone's outcome, in float64, with the scan that serves it by default."""
    state = {name: value.double() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    oracle = SpecOracle(spec, state, training=model.training)
    return outcome(images_of(model, 2).double(), lambda images: oracle.maps(images)["head"], model.training)


def assert_as_plain(model: Backbone, expected: dict[str, Tensor], ways: dict[str, Make], folder: Path) -> None:
    """Assert that a backbone errs little, and each other way to run it hardly more."""
    dtype = next(model.parameters()).dtype

    def errors(run: Run) -> dict[str, float]:
        found = outcome(images_of(model, 2), run, model.training)
        return {name: worst_error([found[name]], [value]) for name, value in expected.items()}

    own = errors(copy.deepcopy(model))
    assert all(error <= PLAIN[dtype] for error in own.values()), own
    for way, make in ways.items():
        found = errors(make(model, folder))
        wrong = {name: error for name, error in found.items() if error > max(GRANTED[dtype], OF_OWN_ERROR * own[name])}
        assert not wrong, (way, wrong, own)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("dtype", GRANTED, ids=str)
@pytest.mark.parametrize("mixer", BACKENDS)
def test_every_mixer_in_every_mode(
    mixer: str, dtype: torch.dtype, training: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs no compiler, on each scan backend that serves the dtype."""
    spec = small(mixer, input={"size": 16})
    model = trained(sparx_dsl.build(spec, dtype=dtype)).train(training)
    expected = exact(spec, model)
    for backend in BACKENDS[mixer]:
        if (backend, dtype) != ("cpu", torch.float16):  # which is refused: test_backend_choice.py
            monkeypatch.setenv("SPARX_SCAN_BACKEND", backend)
            assert_as_plain(model, expected, IN_TRAINING if training else FOR_INFERENCE, tmp_path)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_all_mixers_traced(tmp_path: Path) -> None:
    """One backbone of all mixers, compiled and exported in bfloat16; ``test_modes.py`` does so in float32."""
    model = trained(sparx_dsl.build(mixed(), dtype=torch.bfloat16))
    assert_as_plain(model, exact(mixed(), model), TRACED, tmp_path)
