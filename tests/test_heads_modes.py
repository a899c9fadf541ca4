"""The heads that read every stage, in use: lives of maps, copies, compiling, export, training."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.schedule import Free
from tests.support.dense_heads import EACH, several, small
from tests.support.recorded_graphs import compiles_whole_for_every_batch, exports_for_every_batch

torch_warns = pytest.mark.filterwarnings("default")


# The maps and the images are held until the head has run.


@EACH
def test_maps_and_images_live_until_the_head_has_run(kind: str) -> None:
    """The head reads every stage's last map and the images, and all of them are freed right behind it."""
    schedule = sparx_dsl.plan(small(kind))
    names = ["stage1.layer1", "stage2.layer2", "stage3.layer1", "images"]
    place = next(p for p, step in enumerate(schedule.steps) if not isinstance(step, Free) and step.output == "head")
    step = schedule.steps[place]
    assert not isinstance(step, Free)
    assert list(step.inputs) == names
    assert {each.buffer for each in schedule.steps[place + 1 :] if isinstance(each, Free)} == set(names)
    assert schedule.outputs == ("head",)
    assert schedule.peak_bytes == schedule.bound_bytes
    assert str(schedule).count("free images") == 1


@EACH
def test_features_leave_the_head_out(kind: str) -> None:
    """With ``features`` the images die behind the stem, as without a head, and no module of the head is made."""
    specs = (small(kind).edit({"head": None}), small(kind))
    plain, dense = (sparx_dsl.plan(spec, features=(1, 2, 3)) for spec in specs)
    assert dense.steps == plain.steps
    model = sparx_dsl.build(small(kind), features=(1, 2, 3))
    assert "head" not in dict(model.named_children())
    assert model.feature_info.channels() == [8, 16, 24] == sparx_dsl.build(small(kind)).feature_info.channels()


# Modes of use.


@EACH
def test_copies_compute_the_same(kind: str) -> None:
    """``deepcopy``, ``pickle`` and a strict ``load_state_dict`` into a second build keep the results."""
    torch.manual_seed(0)
    model, other = sparx_dsl.build(small(kind)).eval(), sparx_dsl.build(small(kind)).eval()
    images = torch.randn(2, 3, 33, 50)
    expected = model(images)
    assert not torch.equal(other(images), expected)
    other.load_state_dict(model.state_dict(), strict=True)
    for twin in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert torch.equal(twin(images), expected)


@torch_warns
@EACH
def test_compiles_whole_for_every_batch(kind: str) -> None:
    """``torch.compile`` takes the model as one graph, which serves every batch size."""
    assert compiles_whole_for_every_batch(sparx_dsl.build(small(kind)).eval(), 33, 50)


@torch_warns
@EACH
def test_compiled_training_gives_the_same_results(kind: str) -> None:
    """Both results of a compiled model in training agree with the eager ones."""
    torch.compiler.reset()
    model = sparx_dsl.build(small(kind))
    images = torch.randn(2, 3, 33, 50)
    results = [run(images) for run in (model, torch.compile(model, fullgraph=True, backend="aot_eager"))]
    eager, compiled = (several(each) for each in results)
    assert len(eager) == len(compiled) == (2 if kind == "upernet" else 1)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(eager, compiled, strict=True))


@EACH
def test_exports_for_every_batch(kind: str) -> None:
    """``torch.export`` with a dynamic batch gives a program that agrees at other batch sizes, one included."""
    assert exports_for_every_batch(sparx_dsl.build(small(kind)).eval(), 33, 50)


@EACH
def test_it_learns_a_segmentation(kind: str) -> None:
    """Forty steps of AdamW on four images of two halves bring the loss below a third of what it was."""
    torch.manual_seed(0)
    model = sparx_dsl.build(small(kind))
    images, classes = torch.randn(4, 3, 32, 48), torch.zeros(4, 32, 48, dtype=torch.long)
    images[:, :, :, 24:] += 3
    classes[:, :, 24:] = 1
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    losses: list[float] = []
    for _ in range(40):
        loss = sum(weight * torch.nn.functional.cross_entropy(result, classes)
                   for weight, result in zip((1.0, 0.4), several(model(images)), strict=False))  # fmt: skip
        assert isinstance(loss, Tensor)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
