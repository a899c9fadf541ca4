"""Files of ours: a saved model is rebuilt from its file alone, and a file appears whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, load_model, released_state, save_checkpoint
from tests.support.checkpoints import SMALL, image, load_refusal, same, small, snapshot


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("family", SMALL)
def test_a_saved_model_rebuilt_from_its_file_computes_the_same_to_the_bit(
    family: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    """load_model needs nothing but the file: spec, weights and dtype are in it."""
    model = small(family, dtype=dtype)
    save_checkpoint(model, tmp_path / "model.safetensors")
    twin = load_model(tmp_path / "model.safetensors").eval()
    assert twin.spec == model.spec
    assert same(snapshot(model), snapshot(twin))
    with torch.no_grad():
        assert torch.equal(model(image().to(dtype)), twin(image().to(dtype)))


def test_stages_of_any_name_are_kept_in_their_order(tmp_path: Path) -> None:
    """Files sort their names, and stages with names of their own are still the first and the second."""
    stages = [{**stage, "name": name} for stage, name in zip(SMALL["vmamba"]["stages"], ("wide", "deep"), strict=True)]
    model = sparx_dsl.build({**SMALL["vmamba"], "stages": stages})
    save_checkpoint(model, tmp_path / "model.safetensors")
    assert same(snapshot(load_model(tmp_path / "model.safetensors")), snapshot(model))
    assert load_checkpoint(small("vmamba"), released_state(model, "vmamba")).complete


def test_a_model_for_features_is_saved_and_rebuilt_as_one(tmp_path: Path) -> None:
    """A backbone without head keeps the stages whose maps it gives, and one with a head can be rebuilt without."""
    path = tmp_path / "model.safetensors"
    save_checkpoint(small("sparx_mamba"), path)
    maps = load_model(path, features=(1, 2)).eval()
    assert [tuple(map_.shape) for map_ in maps(image())] == [(2, 8, 8, 8), (2, 16, 4, 4)]
    save_checkpoint(maps, path)
    twin = load_model(path).eval()
    assert twin.schedule.features == (1, 2)
    assert all(torch.equal(a, b) for a, b in zip(maps(image()), twin(image()), strict=True))
    assert [d.code for d in load_refusal(small("sparx_mamba"), path)] == ["SPX623"]


def test_a_file_of_another_spec_is_noted(tmp_path: Path) -> None:
    """Our files carry their spec; where the model's differs though all shapes agree, the report says in what."""
    save_checkpoint(small("vmamba"), tmp_path / "model.safetensors")
    spec = {**SMALL["vmamba"], "layer": {**SMALL["vmamba"]["layer"], "norm": "group"}, "name": "another"}
    report = load_checkpoint(sparx_dsl.build(spec), tmp_path / "model.safetensors")
    assert report.notes == ("the file was written for a spec that differs in layer.norm",)
    assert load_checkpoint(small("vmamba"), tmp_path / "model.safetensors").notes == ()


def test_a_spec_in_a_file_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    """A file of a later language still holds tensors; the report says that the rest could not be compared."""
    model = small("vmamba")
    safetensors.torch.save_file(snapshot(model), tmp_path / "model.safetensors", {"spec": "sparx: 2"})
    (note,) = load_checkpoint(model, tmp_path / "model.safetensors").notes
    assert note.startswith("the spec in the file cannot be read, so it was not compared: SPX1")


def header_texts(path: Path) -> dict[str, str]:
    """The metadata of a .safetensors file, read here."""
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def test_our_files_carry_spec_and_versions(tmp_path: Path) -> None:
    """The metadata of a file hold the spec as YAML that reads back, and who wrote it."""
    model = small("sparx_mamba")
    save_checkpoint(model, tmp_path / "model.safetensors")
    metadata = header_texts(tmp_path / "model.safetensors")
    assert sparx_dsl.parse_spec(metadata["spec"]) == model.spec
    assert (metadata["format"], metadata["sparx"]) == ("sparx_dsl", "1")
    assert metadata["torch"] == torch.__version__
    assert metadata["sparx_dsl"] == sparx_dsl.__version__


@pytest.mark.parametrize("within", [True, False])
def test_a_file_cannot_be_built_without_storage(within: bool, tmp_path: Path) -> None:
    """The device meta would drop the file's weights, so it is refused, however it was chosen."""
    path = tmp_path / "model.safetensors"
    save_checkpoint(small("vmamba"), path)
    with torch.device("meta" if within else "cpu"), pytest.raises(sparx_dsl.SparxError, match="SPX630"):
        sparx_dsl.build(path, device=None if within else "meta")


@pytest.mark.parametrize("name", ["model.pth", "model.pt"])
def test_a_file_that_cannot_carry_a_spec_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    """Only .safetensors files say which backbone they belong to."""
    torch.save({"model": {}, "model_ema": {}}, tmp_path / name)
    with pytest.raises(sparx_dsl.SparxError, match="SPX642"):
        load_model(tmp_path / name)


def test_what_a_file_lacks_is_advised_by_a_call_that_exists(tmp_path: Path) -> None:
    """``build`` is always strict, so that its advice names ``load_checkpoint``, which need not be."""
    model, path = small("vmamba"), tmp_path / "model.safetensors"
    state = {**snapshot(model), "extra": torch.zeros(2)}
    del state["head.linear.bias"]
    safetensors.torch.save_file(state, path, {"spec": sparx_dsl.dump_spec(model.spec)})
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.build(path)
    assert [error.code for error in caught.value.diagnostics] == ["SPX623", "SPX624"]
    assert all("load_checkpoint(model, path, strict=False)" in str(error.help) for error in caught.value.diagnostics)
