"""Checkpoints of every format load completely or not at all, say what they did, and survive round trips."""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl.weights import LoadReport, load_checkpoint, load_model, released_state, save_checkpoint
from tests.support.checkpoints import SMALL, image, same, small, snapshot
from tests.support.paths import SPECS
from tests.support.published import FOLDER

FAMILIES = {"sparx_mamba": "tsb", "vmamba": "tsb", "swin": "tsb"}
NAMES = [f"{family}_{size}" for family, sizes in FAMILIES.items() for size in sizes]


def refusal(model: torch.nn.Module, source: Any, **options: Any) -> list[sparx_dsl.Diagnostic]:
    """What loading is refused for; the model must be as it was."""
    before = snapshot(model)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_checkpoint(model, source, **options)
    assert same(before, snapshot(model))
    return list(caught.value.diagnostics)


# Names and shapes.


@pytest.mark.parametrize("name", NAMES)
def test_released_names_and_shapes_are_those_of_the_published_checkpoints(name: str) -> None:
    """Every name and shape of a published checkpoint, computed buffers too, and no other."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        expected = {key: tuple(shape) for key, shape in json.loads(str(archive["state_shapes"])).items()}
    model = sparx_dsl.build(SPECS / f"{name}.yaml", device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for value in model.state_dict().values():
            value.zero_()
    state = released_state(model, name.rpartition("_")[0])  # type: ignore[arg-type]
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


# Round trips.


@pytest.mark.parametrize("family", SMALL)
def test_released_to_ours_and_back_is_the_same_to_the_bit(family: str, tmp_path: Path) -> None:
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
    assert same(states[0], released_state(small(family), family))  # type: ignore[arg-type]


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
    assert [d.code for d in refusal(small("sparx_mamba"), path)] == ["SPX623"]


def test_a_model_for_features_takes_the_whole_checkpoint() -> None:
    """What belongs to the head, or to later stages, is neither missing nor unused, and is reported."""
    whole, cut = small("swin"), small("swin", 5, features=(1,))
    report = load_checkpoint(cut, released_state(whole, "swin"))
    assert report.complete
    assert {name.split(".")[0] for name in report.unbuilt} == {"layers", "norm", "head"}
    assert all("layers.1." in name or "layers.0.downsample" in name for name in report.unbuilt if "layers" in name)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in cut.state_dict().items())


@given(st.sampled_from(sorted(SMALL)), st.integers(0, 9), st.booleans(), st.sampled_from([None, "model", "state_dict"]))
def test_a_wrapped_state_loads_like_the_plain_one(family: str, seed: int, prefixed: bool, section: str | None) -> None:
    """However a training script wrapped it, the model ends with exactly the values that went in."""
    source, target = small(family, seed), small(family, seed + 1)
    state: dict[str, Any] = released_state(source, family)  # type: ignore[arg-type]
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


# What is refused.


def test_missing_and_unused_tensors_are_listed_with_what_was_meant() -> None:
    """A strict load refuses both, and a misspelt name is told from a lost one."""
    state = snapshot(small("sparx_mamba"))
    state["stage2.layer1.fusion.fusion.quarry.projection.conv.weight"] = state.pop(
        "stage2.layer1.fusion.fusion.query.projection.conv.weight")  # fmt: skip
    del state["head.linear.bias"]
    missing, unused = refusal(small("sparx_mamba", 1), state)
    assert (missing.code, unused.code) == ("SPX623", "SPX624")
    assert missing.notes == (
        'stage2.layer1.fusion.fusion.query.projection.conv.weight: did you mean '
        '"stage2.layer1.fusion.fusion.quarry.projection.conv.weight"?',
        "head.linear.bias",
    )  # fmt: skip
    assert "did you mean" in unused.notes[0]


def test_missing_tensors_are_named_as_the_file_would_name_them() -> None:
    """A lost tensor of a released file is given in both namings."""
    state = released_state(small("swin"), "swin")
    del state["layers.1.blocks.0.attn.qkv.bias"]
    (mistake,) = refusal(small("swin", 1), state)
    assert mistake.code == "SPX623"
    assert mistake.notes == ("stage2.layer1.mixer.projection.bias, there layers.1.blocks.0.attn.qkv.bias",)


def test_another_layer_is_no_misspelling() -> None:
    """Names that differ in a number are two layers, and neither was meant for the other."""
    first, second = (
        sparx_dsl.build({**SMALL["vmamba"], "stages": [{"channels": 8, "depth": 2, "layers": {number: {"dpe": True}}}]})
        for number in (1, 2)
    )
    mistakes = refusal(first, snapshot(second))
    assert [mistake.code for mistake in mistakes] == ["SPX623", "SPX624"]
    assert not any("did you mean" in note for mistake in mistakes for note in mistake.notes)


def test_a_lenient_load_reports_what_it_left() -> None:
    """With strict=False the rest is loaded; what is missing stays, what is unused is named."""
    source, target = small("sparx_mamba"), small("sparx_mamba", 1)
    state, before = snapshot(source), snapshot(target)
    del state["head.linear.bias"]
    state["extra"] = torch.zeros(3)
    report = load_checkpoint(target, state, strict=False)
    assert (report.missing, report.unused, report.complete) == (("head.linear.bias",), ("extra",), False)
    after = snapshot(target)
    assert torch.equal(after["head.linear.bias"], before["head.linear.bias"])
    assert all(torch.equal(after[name], state[name]) for name in report.matched)
    assert {*report.matched, *report.missing} == set(after)


@pytest.mark.parametrize("strict", [True, False])
def test_wrong_shapes_are_refused_with_both_shapes(strict: bool) -> None:
    """A value of another shape is never cut or stretched."""
    state = snapshot(small("sparx_mamba"))
    state["stage1.layer1.ffn.ffn.expansion.weight"] = torch.zeros(32, 9, 1, 1)
    mistake = refusal(small("sparx_mamba", 1), state, strict=strict)[0]
    assert mistake.code == "SPX625"
    assert mistake.notes == ("stage1.layer1.ffn.ffn.expansion.weight: 32×9×1×1 where 32×8×1×1 belongs",)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("change", "notes"),
    [
        ({"depth": 4}, ("stages of 2, 4 layers and 8, 16 channels, ganglion layers: 2, 4 of stage 2",
                        "stages of 2, 3 layers and 8, 16 channels, ganglion layers: 1, 3 of stage 2")),
        ({"channels": 24}, ("stages of 2, 3 layers and 8, 24 channels, ganglion layers: 1, 3 of stage 2",
                            "stages of 2, 3 layers and 8, 16 channels, ganglion layers: 1, 3 of stage 2")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("released", [True, False])
def test_a_checkpoint_of_another_backbone_gets_one_summary(
    change: dict[str, int], notes: tuple[str, str], strict: bool, released: bool
) -> None:
    """Other depths or widths are said once, for the file and for the model, in place of a hundred names."""
    stages = SMALL["sparx_mamba"]["stages"]
    other = sparx_dsl.build({**SMALL["sparx_mamba"], "stages": [stages[0], {**stages[1], **change}]})
    state = released_state(other, "sparx_mamba") if released else snapshot(other)
    (mistake,) = refusal(small("sparx_mamba"), state, strict=strict)
    assert mistake.code == "SPX622"
    assert mistake.notes == (f"the file has {notes[0]}", f"the model has {notes[1]}")


def test_other_ganglion_layers_get_the_summary_too() -> None:
    """Where the same depths hear each other otherwise, a strict load says so."""
    stages = SMALL["sparx_mamba"]["stages"]
    other = sparx_dsl.build({**SMALL["sparx_mamba"], "stages": [stages[0], {**stages[1], "S": 3}]})
    codes = [mistake.code for mistake in refusal(small("sparx_mamba"), snapshot(other))]
    assert codes[-1] == "SPX622"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_refused_by_name(value: float) -> None:
    """One NaN in one tensor is found and named as in the file."""
    state = released_state(small("vmamba"), "vmamba")
    state["layers.1.blocks.0.op.Ds"][3] = value
    (mistake,) = refusal(small("vmamba", 1), state, strict=False)
    assert (mistake.code, mistake.notes) == ("SPX628", ("layers.1.blocks.0.op.Ds",))


def test_a_value_too_large_for_the_models_dtype_is_refused() -> None:
    """Rounding to half precision is reported, and overflowing there is refused."""
    state = snapshot(small("vmamba"))
    report = load_checkpoint(small("vmamba", 1, dtype=torch.float16), state)
    assert "were rounded" in report.notes[0]
    state["head.linear.bias"][0] = 1e6
    (mistake,) = refusal(small("vmamba", 1, dtype=torch.float16), state)
    assert (mistake.code, mistake.notes) == ("SPX628", ("head.linear.bias",))


def test_integers_are_no_weights() -> None:
    """A tensor of integers where floating point numbers belong is refused."""
    state = snapshot(small("vmamba"))
    state["head.linear.bias"] = torch.arange(5)
    (mistake,) = refusal(small("vmamba", 1), state)
    assert (mistake.code, mistake.notes) == ("SPX627", ("head.linear.bias: int64 where float32 belongs",))


def test_position_indices_of_another_order_are_refused() -> None:
    """The biases of such a file would be read for other distances than they were learned for."""
    state = released_state(small("swin"), "swin")
    state["layers.0.blocks.0.attn.relative_position_index"] = state[
        "layers.0.blocks.0.attn.relative_position_index"].T.contiguous()  # fmt: skip
    (mistake,) = refusal(small("swin", 1), state)
    assert (mistake.code, mistake.notes) == ("SPX629", ("layers.0.blocks.0.attn.relative_position_index",))


def test_a_model_without_storage_is_refused(tmp_path: Path) -> None:
    """Neither loading into nor saving from the device meta passes for done."""
    model = sparx_dsl.build(SMALL["vmamba"], device="meta")
    with pytest.raises(sparx_dsl.SparxError, match="SPX630"):
        load_checkpoint(model, snapshot(small("vmamba")))
    with pytest.raises(sparx_dsl.SparxError, match="SPX630"):
        save_checkpoint(model, tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("source", "options", "code", "help"),
    [
        ({"a.weight": torch.zeros(2)}, {}, "SPX620", "sparx_mamba"),
        ({"a.weight": torch.zeros(2)}, {"format": "swim"}, "SPX621", 'did you mean "swin"?'),
        ({"a.weight": [1, 2]}, {}, "SPX613", None),
        ({"a.weight": torch.zeros(2).to_sparse()}, {}, "SPX613", None),
        ({}, {}, "SPX613", None),
        ({"model": {"a": torch.zeros(1)}, "model_ema": {"a": torch.ones(1)}}, {}, "SPX614", "section='model'"),
        ({"model": {"a": torch.zeros(1)}}, {"section": "modle"}, "SPX614", 'did you mean "model"?'),
    ],
)
def test_what_is_no_state_dict_is_refused(source: Any, options: Any, code: str, help: str | None) -> None:
    """Unknown names, unknown formats, no tensors, and two sets of weights to choose from."""
    (mistake,) = refusal(small("vmamba"), source, **options)
    assert mistake.code == code
    assert help is None or help in str(mistake.help)


def test_a_named_section_is_loaded() -> None:
    """Averaged weights are loaded where the caller asks for them."""
    plain, averaged, target = small("vmamba"), small("vmamba", 1), small("vmamba", 2)
    source: Any = {"model": snapshot(plain), "model_ema": snapshot(averaged)}
    load_checkpoint(target, source, section="model_ema")
    assert same(snapshot(target), snapshot(averaged))


# What is changed to fit, and doubts.


def test_a_position_bias_is_interpolated_only_when_asked() -> None:
    """A table for another window is refused strictly, else resized bicubically; the same window changes nothing."""
    spec = {**SMALL["swin"], "layer": {**SMALL["swin"]["layer"], "mixer": {"kind": "window_attention", "window": 8,
                                                                          "head_width": 4}}}  # fmt: skip
    source, target = small("swin"), sparx_dsl.build(spec)
    state = released_state(source, "swin")
    mistakes = refusal(target, state)
    assert [mistake.code for mistake in mistakes] == ["SPX626"]
    report = load_checkpoint(target, state, strict=False)
    assert {each.name.rpartition(".")[2] for each in report.resized} == {"position_bias"}
    table = source.state_dict()["stage1.layer1.mixer.mixer.position_bias"]
    expected = torch.nn.functional.interpolate(table.T.reshape(1, 2, 7, 7), size=(15, 15), mode="bicubic")
    found = target.state_dict()["stage1.layer1.mixer.mixer.position_bias"]
    assert torch.equal(found.T.reshape(1, 2, 15, 15), expected)
    assert str(report.resized[0]).endswith("49×2 to 225×2, by bicubic interpolation")


def test_a_classifier_of_other_classes_is_left_only_when_asked() -> None:
    """Fine-tuning on other classes keeps the fresh classifier, and the report names it."""
    spec = {**SMALL["vmamba"], "head": {"kind": "linear", "classes": 7}}
    source, target = small("vmamba"), sparx_dsl.build(spec)
    before = snapshot(target)
    assert [mistake.code for mistake in refusal(target, released_state(source, "vmamba"))] == ["SPX626"]
    report = load_checkpoint(target, released_state(source, "vmamba"), strict=False)
    assert [each.name for each in report.resized] == ["head.linear.weight", "head.linear.bias"]
    assert {"head.linear.weight"}.isdisjoint(report.matched)
    assert torch.equal(target.state_dict()["head.linear.weight"], before["head.linear.weight"])


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
def test_fusions_and_shifts_of_ones_own_are_noted_and_never_released(family: str, layer: dict[str, Any]) -> None:
    """Groups of channels, an attention of another kind and windows that stay have the released names and shapes."""
    other = sparx_dsl.build({**SMALL[family], "layer": {**SMALL[family]["layer"], **layer}})
    with pytest.raises(sparx_dsl.SparxError, match="SPX640"):
        released_state(other, family)  # type: ignore[arg-type]
    if layer.get("fusion", {}).get("kind") != "sra":
        assert load_checkpoint(other, released_state(small(family), family)).notes  # type: ignore[arg-type]


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
    assert note.startswith("the spec in the file cannot be read, so that it was not compared: SPX1")


# Saving.


@pytest.mark.parametrize(
    ("family", "format", "file", "code"),
    [
        ("sparx_mamba", "vmamba", "a.pth", "SPX640"),
        ("sparx_mamba", "swin", "a.pth", "SPX640"),
        ("swin", "swin", "a.safetensors", "SPX641"),
        ("swin", "sparx_dsl", "a.pth", "SPX641"),
        ("swin", "sparx", "a.pth", "SPX621"),
        ("swin", "sparx_dsl", "no/folder/a.safetensors", "SPX502"),
        ("swin", "swin", "no/folder/a.pth", "SPX502"),
    ],
)
def test_what_cannot_be_saved_leaves_nothing_behind(
    family: str, format: str, file: str, code: str, tmp_path: Path
) -> None:
    """A format without names for the parts, a wrong ending, an unknown format, a folder that is not there."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        save_checkpoint(small(family), tmp_path / file, format=format)
    assert [mistake.code for mistake in caught.value.diagnostics] == [code]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("file", "format"), [("a.safetensors", "sparx_dsl"), ("a.pth", "swin")])
def test_a_file_appears_whole_or_not_at_all(
    file: str, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing fails halfway, the file that was there before is still there, and nothing lies beside it."""
    save_checkpoint(small("swin"), tmp_path / file, format=format)
    before = (tmp_path / file).read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(sparx_dsl.SparxError, match="SPX502"):
        save_checkpoint(small("swin", 1), tmp_path / file, format=format)
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert (tmp_path / file).read_bytes() == before


def test_our_files_carry_spec_and_versions(tmp_path: Path) -> None:
    """The metadata of a file hold the spec as YAML that reads back, and who wrote it."""
    model = small("sparx_mamba")
    save_checkpoint(model, tmp_path / "model.safetensors")
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    assert sparx_dsl.parse_spec(metadata["spec"]) == model.spec
    assert (metadata["format"], metadata["sparx"]) == ("sparx_dsl", "1")
    assert metadata["torch"] == torch.__version__
    assert metadata["sparx_dsl"]


# The page and the report.


@pytest.mark.parametrize("number", range(3))
def test_code_of_the_page_runs(number: int, tmp_path: Path) -> None:
    """Each Python block of docs/weights.md runs by itself, beside the zoo and the examples."""
    docs = SPECS.parent / "docs"
    page = (docs / "weights.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == 3
    for folder in (SPECS, docs / "examples"):
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "block.py").write_text(found[number], encoding="utf-8")
    with contextlib.chdir(tmp_path):
        runpy.run_path("block.py")


def test_a_report_reads_as_text() -> None:
    """What matched, what did not, and what to know, a line each; long lists are counted."""
    names = tuple(f"tensor{number}" for number in range(10))
    report = LoadReport("swin", ("a",), missing=names, computed=("m",), unbuilt=("h", "i"), notes=("be warned",))
    assert str(report).splitlines() == [
        "swin: 1 tensor loaded as they are",
        "missing in the source, left as they were: 10",
        *(f"    tensor{number}" for number in range(8)),
        "    and 2 more",
        "computed here, so not loaded: 1 buffer",
        "of parts that this model was built without: 2 tensors",
        "note: be warned",
    ]
