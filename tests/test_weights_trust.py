"""Paths, names and specs of a checkpoint are trusted no more than any other input."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, load_model
from tests.support.hostile_pickles import Marker
from tests.support.refusing_model import RefusingModel


@pytest.fixture(scope="module", name="target")
def refusing_model() -> RefusingModel:
    """A model that no file of these tests may change."""
    return RefusingModel.of("vmamba")


@pytest.mark.parametrize(
    ("name", "code"),
    [("model.pkl", "SPX601"), ("model.pt2", "SPX601"), ("model.tar", "SPX601"), ("model", "SPX601"),
     ("missing.pth", "SPX501"), ("missing.safetensors", "SPX501"), ("folder.pth", "SPX501"), ("\0.pth", "SPX501")],
)  # fmt: skip
def test_a_path_that_is_no_checkpoint_is_refused(name: str, code: str, tmp_path: Path, target: RefusingModel) -> None:
    """Other endings are never opened, and files that are not there are said not to be."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Marker(tmp_path / "mark")))
    (tmp_path / "folder.pth").mkdir()
    assert target.codes(tmp_path / name) == [code]
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["../up", "/absolute", "C:\\x", "CON", "a" * 300, "nul\0", "\x1b[2J"])
@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_names_in_a_checkpoint_are_only_ever_shown(
    name: str, ending: str, tmp_path: Path, target: RefusingModel
) -> None:
    """A tensor's name makes no file and steers no terminal."""
    folder = tmp_path / "inner"
    folder.mkdir()
    path = folder / f"model.{ending}"
    state = {**target.before, name: torch.zeros(2)}
    if ending == "pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_checkpoint(target.model, path)
    text = sparx_dsl.render_diagnostics(caught.value.diagnostics)
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX624"]
    assert "\x1b" not in text
    assert "\0" not in text
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]
    assert [each.name for each in folder.iterdir()] == [path.name]


def with_spec(path: Path, target: RefusingModel, text: str | None) -> Path:
    """A file of ours whose spec is another text."""
    metadata = {"format": "sparx_dsl"} if text is None else {"format": "sparx_dsl", "spec": text}
    safetensors.torch.save_file(target.before, path, metadata)
    return path


HUGE = """
sparx: 1
name: huge
stem: {kind: patch}
layer: {mixer: {kind: ss2d}}
stages:
  - {channels: 4096, depth: 20}
"""


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "SPX642"), ("a: [", "SPX0"), ("sparx: 2", "SPX1"), ("extends: secret.yaml\nname: a", "SPX"),
     (HUGE, "SPX622"), ("a: " + "[" * 1000, "SPX0"), ("x" * 2**21, "SPX0"),
     ("!!python/object/apply:os.system [ls]", "SPX0")],
)  # fmt: skip
def test_a_spec_inside_a_file_is_trusted_no_more_than_any_other(
    text: str | None, code: str, tmp_path: Path, target: RefusingModel
) -> None:
    """It is read within limits, extends nothing, and allocates nothing that the file's tensors do not fill."""
    (tmp_path / "secret.yaml").write_text("sparx: 1\n", encoding="utf-8")
    path = with_spec(tmp_path / "model.safetensors", target, text)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_model(path)
    assert caught.value.diagnostics[0].code.startswith(code)
    assert str(path) in str(caught.value.diagnostics[0].where)


@pytest.mark.parametrize("features", ["", "x", "9", "2,2", "1" * 5000, "head,\x1b[31m"])
def test_features_inside_a_file_are_checked(features: str, tmp_path: Path, target: RefusingModel) -> None:
    """A map that the spec does not have is refused, whatever it is called; an empty list means none."""
    path = tmp_path / "model.safetensors"
    text = sparx_dsl.dump_spec(target.model.spec)
    safetensors.torch.save_file(target.before, path, {"spec": text, "features": features})
    if features:
        with pytest.raises(sparx_dsl.SparxError, match="SPX322") as caught:
            load_model(path)
        assert "\x1b" not in str(caught.value)
    else:
        assert load_model(path).schedule.features is None
