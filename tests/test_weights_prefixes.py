"""Names of tensors as wrappers, trainers and detectors change them, and files as training scripts call them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, released_state
from tests.support.checkpoints import RELEASED, load_refusal, same, small, snapshot
from tests.support.wrapped import Wrap, compiled, in_parallel, with_checkpointed_layers, with_compiled_layers

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PREFIXES), max_size=5), st.sampled_from(("sparx_dsl", *RELEASED)), st.data())
def test_prefixes_in_any_nesting_are_seen_through(nesting: list[str], format: str, data: st.DataObject) -> None:
    """Whatever wraps what, and with the counter of an averaged model at any level, each format loads whole."""
    family = "swin" if format == "sparx_dsl" else format
    trained, model = small(family, 1), small(family, 2)
    state = snapshot(trained) if format == "sparx_dsl" else dict(released_state(trained, cast("Any", format)))
    for prefix in nesting:
        state = {f"{prefix}{name}": value for name, value in state.items()}
        if prefix == "module." and data.draw(st.booleans()):
            state["n_averaged"] = torch.tensor(7)
    report = load_checkpoint(model, state)
    assert report.complete
    assert report.notes == ()
    assert same(snapshot(model), snapshot(trained))


WRAPPED: dict[str, Wrap] = {
    "compiled": compiled,
    "averaged": AveragedModel,
    "an average of a compiled one": lambda model: AveragedModel(compiled(model)),
    "in parallel, compiled": lambda model: compiled(in_parallel(model)),
    "layers compiled": with_compiled_layers,
    "layers checkpointed": with_checkpointed_layers,
    "a trainer's": lambda model: nn.ModuleDict({"model": nn.ModuleDict({"net": model})}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_states_of_wrapped_models_load(name: str) -> None:
    """What PyTorch's own wrappers and a trainer write is the state of the model within, to the bit."""
    trained = small("sparx_mamba", 1)
    wrapped = WRAPPED[name](small("sparx_mamba", 1))
    model = small("sparx_mamba", 2)
    assert load_checkpoint(model, wrapped.state_dict()).complete
    assert same(snapshot(model), snapshot(trained))


def detector_state() -> dict[str, Tensor]:
    """The state of a detector of which a backbone is a part, wrapped for several devices."""
    detector = nn.ModuleDict({"backbone": small("swin", 1), "neck": nn.Conv2d(8, 8, 1)})
    return {f"module.{name}": value for name, value in detector.state_dict().items()}


@pytest.mark.parametrize("prefix", ["backbone", "backbone.", "module.backbone"])
def test_a_part_of_a_larger_model_is_loaded_by_its_prefix(prefix: str) -> None:
    """The prefix may be written with what wraps the whole, or without; what is outside of it is counted."""
    model = small("swin", 2)
    report = load_checkpoint(model, detector_state(), prefix=prefix)
    assert report.complete
    assert report.notes == (f'2 tensors outside of "{prefix}" left out',)
    assert same(snapshot(model), snapshot(small("swin", 1)))


def test_a_larger_model_is_not_guessed_at() -> None:
    """Without a prefix it is refused, and the help says which to write; so is a prefix that no name has."""
    (error,) = load_refusal(small("swin"), detector_state())
    assert (error.code, error.help) == ("SPX620", "write prefix='backbone'")
    (error,) = load_refusal(small("swin"), detector_state(), prefix="bockbone")
    assert error.code == "SPX615"
    (error,) = load_refusal(small("swin"), detector_state(), prefix="")
    assert error.code == "SPX615"


def test_two_tensors_of_one_name_are_refused() -> None:
    """What is left of two names without wrappers must not be the same."""
    state = snapshot(small("swin"))
    name = next(each for each in state if ".layer1." in each)
    (error,) = load_refusal(small("swin"), {**state, name.replace(".layer1.", ".layer1._orig_mod."): state[name]})
    assert error.code == "SPX606"


@pytest.mark.parametrize("name", ["last.ckpt", "last.pth.tar", "pytorch_model.bin", "last.pth", "last.pt"])
def test_files_of_training_scripts_load(name: str, tmp_path: Path) -> None:
    """By the names that scripts give them: here as Lightning writes one."""
    trained, model = small("vmamba", 1), small("vmamba", 2)
    state = {f"model.{key}": value for key, value in trained.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3, "hyper_parameters": {"lr": 0.1}}, tmp_path / name)
    assert load_checkpoint(model, tmp_path / name).complete
    assert same(snapshot(model), snapshot(trained))


class Meter:
    """What a script keeps beside the weights."""


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("legacy", [True, False])
def test_what_is_refused_is_named_and_the_help_strips_the_file(first: bool, legacy: bool, tmp_path: Path) -> None:
    """A training file with objects is refused by their names; what the help says makes of it a file that loads."""
    trained, model, path = small("vmamba", 1), small("vmamba", 2), tmp_path / "last.pth.tar"
    objects = {"args": argparse.Namespace(lr=1), "meter": Meter()}
    weights = {"state_dict": trained.state_dict()}
    found = {**weights, **objects} if first else {**objects, **weights}
    torch.save(found, path, _use_new_zipfile_serialization=not legacy)
    (error,) = load_refusal(model, path)
    assert error.code == "SPX610"
    assert '"argparse.Namespace"' in error.message
    assert error.notes == (f'it also asks for "{__name__}.Meter"',)
    assert error.help is not None
    statement = error.help.partition("tensors alone: ")[2].partition(";")[0].replace("'weights.pth'", "kept")
    exec(statement, {"torch": torch, "path": path, "kept": tmp_path / "kept.pth"})  # noqa: S102
    assert load_checkpoint(model, tmp_path / "kept.pth").complete
    assert same(snapshot(model), snapshot(trained))
    assert sparx_dsl.explain_code("SPX610")
