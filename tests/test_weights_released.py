"""Checkpoints of the released models: their names and shapes, round trips, and what they cannot hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl.kinds.checkpoint import ReleasedFormat
from sparx_dsl.weights import load_checkpoint, load_model, released_state, save_checkpoint
from tests.support.checkpoints import RELEASED, SMALL, same, small, snapshot
from tests.support.paths import SPECS
from tests.support.published import FOLDER


@pytest.mark.parametrize("family", RELEASED)
@pytest.mark.parametrize("size", ["t", "s", "b"])
def test_released_names_and_shapes_are_those_of_the_published_checkpoints(family: ReleasedFormat, size: str) -> None:
    """Every name and shape of a published checkpoint, computed buffers too, and no other."""
    with np.load(FOLDER / f"{family}_{size}.npz") as archive:
        expected = {key: tuple(shape) for key, shape in json.loads(str(archive["state_shapes"])).items()}
    model = sparx_dsl.build(SPECS / f"{family}_{size}.yaml", device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for value in model.state_dict().values():
            value.zero_()
    state = released_state(model, family)
    assert {key: tuple(value.shape) for key, value in state.items()} == expected


def swin_mask(side: int, window: int) -> Tensor:
    """Swin's attn_mask by its definition: positions hear each other if no edge of the unrolled map parts them."""
    shift, rows = window // 2, []
    label = [[(divmod(row + shift, side)[0], divmod(column + shift, side)[0]) for column in range(side)]
             for row in range(side)]  # fmt: skip
    for top in range(0, side, window):
        for left in range(0, side, window):
            here = [label[top + row][left + column] for row in range(window) for column in range(window)]
            rows.append([[0.0 if a == b else -100.0 for b in here] for a in here])
    return torch.tensor(rows)


@pytest.mark.parametrize(("window", "side"), [(2, 8), (4, 8), (3, 9), (7, 14)])
def test_computed_buffers_are_swins(window: int, side: int) -> None:
    """Masks part what rolling joined, and indices count row and column distances."""
    spec = {**SMALL["swin"], "input": {"size": 4 * side}}
    spec["layer"] = {**spec["layer"], "mixer": {"kind": "window_attention", "window": window, "heads": 2}}
    state = released_state(sparx_dsl.build(spec), "swin")
    assert torch.equal(state["layers.0.blocks.1.attn_mask"], swin_mask(side, window))
    index = state["layers.0.blocks.0.attn.relative_position_index"]
    places = [(row, column) for row in range(window) for column in range(window)]
    for a, (row, column) in enumerate(places):
        for b, (other_row, other_column) in enumerate(places):
            distance = row - other_row + window - 1, column - other_column + window - 1
            assert index[a, b] == distance[0] * (2 * window - 1) + distance[1]


@pytest.mark.parametrize("family", RELEASED)
def test_released_to_ours_and_back_is_the_same_to_the_bit(family: ReleasedFormat, tmp_path: Path) -> None:
    """A released file loaded, saved as ours, rebuilt from that file alone and released again has not changed."""
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    save_checkpoint(small(family), first, format=family)
    model = sparx_dsl.build(SMALL[family])
    report = load_checkpoint(model, first)
    assert (report.format, report.complete) == (family, True)
    save_checkpoint(model, tmp_path / "ours.safetensors")
    save_checkpoint(load_model(tmp_path / "ours.safetensors"), second, format=family)
    states = [torch.load(path, weights_only=True)["model"] for path in (first, second)]
    assert same(*states)
    assert same(states[0], released_state(small(family), family))


@given(st.sampled_from(RELEASED), st.integers(0, 9), st.booleans(), st.sampled_from([None, "model", "state_dict"]))
def test_a_wrapped_state_loads_like_the_plain_one(
    family: ReleasedFormat, seed: int, prefixed: bool, section: str | None
) -> None:
    """However a training script wrapped it, the model ends with exactly the values that went in."""
    source, target = small(family, seed), small(family, seed + 1)
    state: dict[str, Any] = released_state(source, family)
    state = {f"module.{name}": value for name, value in state.items()} if prefixed else state
    report = load_checkpoint(target, {section: state} if section else state)
    assert (report.format, report.complete) == (family, True)
    assert same(snapshot(source), snapshot(target))


def test_a_linear_layer_stored_as_a_convolution_is_the_same() -> None:
    """Sides of 1 make no other values: VMamba's files exist with linear layers and with 1×1 convolutions."""
    source, target = small("vmamba"), small("vmamba", 1)
    state = released_state(source, "vmamba")
    state = {name: value[..., None, None] if "proj.weight" in name else value for name, value in state.items()}
    assert load_checkpoint(target, state).complete
    assert same(snapshot(source), snapshot(target))


def test_settings_that_shapes_do_not_show_are_noted_and_never_released(tmp_path: Path) -> None:
    """Another norm has the same names and shapes and computes something else: noted on loading, refused on saving."""
    spec = {**SMALL["vmamba"], "layer": {**SMALL["vmamba"]["layer"], "norm": "group"}}
    other = sparx_dsl.build(spec)
    report = load_checkpoint(other, released_state(small("vmamba"), "vmamba"))
    assert report.complete
    assert report.notes[0] == "stage1.layer1 has group norms, and the released models layer norms"
    with pytest.raises(sparx_dsl.SparxError) as caught:
        save_checkpoint(other, tmp_path / "other.pth", format="vmamba")
    assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX640"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("family", "layer"),
    [("sparx_mamba", {"fusion": {"kind": "dmca", "groups": 2}}),
     ("sparx_mamba", {"fusion": {"kind": "sra", "heads": 2}}),
     ("swin", {"mixer": {"kind": "window_attention", "window": 4, "head_width": 4, "shift": False}})],
)  # fmt: skip
def test_fusions_and_shifts_of_ones_own_are_noted_and_never_released(
    family: ReleasedFormat, layer: dict[str, Any]
) -> None:
    """Groups of channels, an attention of another kind and windows that stay have the released names and shapes."""
    other = sparx_dsl.build({**SMALL[family], "layer": {**SMALL[family]["layer"], **layer}})
    with pytest.raises(sparx_dsl.SparxError, match="SPX640"):
        released_state(other, family)
    if layer.get("fusion", {}).get("kind") != "sra":
        assert load_checkpoint(other, released_state(small(family), family)).notes
