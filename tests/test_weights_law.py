"""The law of checkpoints: saving is refused, or what is built from the file computes the same to the bit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.lowering import Backbone
from tests.support.checkpoints import SMALL, image, small
from tests.support.model_mutations import REFUSED, SAVED, Mutation

CODES = {"SPX324", "SPX328", "SPX628", "SPX643"}
"""What a model can be refused for, whatever the format."""
MUTATIONS: Mapping[str, Mutation] = {**SAVED, **REFUSED}


def outputs(model: nn.Module) -> list[Tensor]:
    """What a model gives in evaluation for two images, in its dtype and the plain memory layout.

    Convolutions round otherwise in another layout, which no checkpoint keeps.
    """
    dtype = next(value.dtype for value in model.parameters() if value.is_floating_point())
    for parameter in model.parameters():
        parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
    with torch.no_grad():
        found: Tensor | list[Tensor] = model.eval()(image().to(dtype))
    return [found] if isinstance(found, Tensor) else list(found)


def rebuilt(path: Path, family: str, build: Mapping[str, Any]) -> Backbone:
    """The model that a file gives: by its own spec, or loaded into a backbone of the family."""
    if path.suffix == ".safetensors":
        return sparx_dsl.build(path)
    state = torch.load(path, weights_only=True)["model"]
    dtype = next(value.dtype for value in state.values() if value.is_floating_point())
    model = sparx_dsl.build(SMALL[family], dtype=dtype, **build)
    assert sparx_dsl.load_checkpoint(model, path).complete
    return model


def refusal(model: nn.Module, path: Path, format: str) -> list[sparx_dsl.Diagnostic]:
    """What saving is refused for, with nothing written; nothing where it is saved."""
    before = sorted(path.parent.iterdir())
    try:
        sparx_dsl.save_checkpoint(model, path, format=format)  # pyright: ignore[reportArgumentType]
    except sparx_dsl.SparxError as error:
        assert sorted(path.parent.iterdir()) == before
        return list(error.diagnostics)
    return []


def keeps_the_law(model: nn.Module, family: str, format: str, folder: Path, **build: Any) -> bool:
    """Whether the model was saved, in which case the file must rebuild it to the bit."""
    path = folder / ("model.safetensors" if format == "sparx_dsl" else "model.pth")
    errors = refusal(model, path, format)
    if errors:
        assert {error.code for error in errors} <= CODES
        assert all(error.help for error in errors)
        return False
    expected, found = outputs(model), outputs(rebuilt(path, family, build))
    assert len(found) == len(expected)
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(found, expected, strict=True))
    return True


LACKING = AttributeError, LookupError, StopIteration, RuntimeError, TypeError, ValueError, sparx_dsl.SparxError


@given(st.data())
def test_saving_is_refused_or_the_file_rebuilds_the_model(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever one or two things were done to a model, in each family and format, with or without a head."""
    family = data.draw(st.sampled_from(sorted(SMALL)))
    build: dict[str, Any] = data.draw(st.sampled_from([{}, {"features": (1, 2)}]))
    model: nn.Module = small(family, data.draw(st.integers(0, 3)), **build)
    for name in data.draw(st.lists(st.sampled_from(sorted(MUTATIONS)), min_size=1, max_size=2, unique=True)):
        # What was wrapped or deployed is the last that happens to it; some models lack the part in question, and
        # torch refuses some pairs (pruning a weight that is normed).
        if isinstance(model, Backbone):
            with contextlib.suppress(*LACKING):
                model = MUTATIONS[name](model)
    format = data.draw(st.sampled_from(["sparx_dsl", family]))
    keeps_the_law(model, family, format, tmp_path_factory.mktemp("law"), **build)


@pytest.mark.parametrize("name", SAVED)
def test_what_leaves_the_model_the_same_is_saved(name: str, tmp_path: Path) -> None:
    """Training, copying, another dtype, another memory layout and the like keep a model savable in both formats."""
    for format in ("sparx_dsl", "sparx_mamba"):
        assert keeps_the_law(SAVED[name](small("sparx_mamba")), "sparx_mamba", format, tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_checkpoint_can_hold_is_refused(name: str, tmp_path: Path) -> None:
    """A model that its spec does not describe is refused in both formats, by the names of what is other."""
    for format in ("sparx_dsl", "sparx_mamba"):
        assert not keeps_the_law(REFUSED[name](small("sparx_mamba")), "sparx_mamba", format, tmp_path)
