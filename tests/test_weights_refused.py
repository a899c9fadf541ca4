"""Checkpoints that a model cannot take are refused with the names and values at hand, and the model stays."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import sparx_dsl
from sparx_dsl.weights import load_checkpoint, released_state
from tests.support.checkpoints import SMALL, load_refusal, small, snapshot


@pytest.mark.parametrize("strict", [True, False])
def test_wrong_shapes_are_refused_with_both_shapes(strict: bool) -> None:
    """A value of another shape is never cut or stretched."""
    state = snapshot(small("sparx_mamba"))
    state["stage1.layer1.ffn.ffn.expansion.weight"] = torch.zeros(32, 9, 1, 1)
    mistake = load_refusal(small("sparx_mamba", 1), state, strict=strict)[0]
    assert mistake.code == "SPX625"
    assert mistake.notes == ("stage1.layer1.ffn.ffn.expansion.weight: 32×9×1×1, expected 32×8×1×1",)


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
    (mistake,) = load_refusal(small("sparx_mamba"), state, strict=strict)
    assert mistake.code == "SPX622"
    assert mistake.notes == (f"the file has {notes[0]}", f"the model has {notes[1]}")


def test_other_ganglion_layers_get_the_summary_too() -> None:
    """Where the same depths hear each other otherwise, a strict load says so."""
    stages = SMALL["sparx_mamba"]["stages"]
    other = sparx_dsl.build({**SMALL["sparx_mamba"], "stages": [stages[0], {**stages[1], "S": 3}]})
    codes = [mistake.code for mistake in load_refusal(small("sparx_mamba"), snapshot(other))]
    assert codes[-1] == "SPX622"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers_are_refused_by_name(value: float) -> None:
    """One NaN in one tensor is found and named as in the file."""
    state = released_state(small("vmamba"), "vmamba")
    state["layers.1.blocks.0.op.Ds"][3] = value
    (mistake,) = load_refusal(small("vmamba", 1), state, strict=False)
    assert (mistake.code, mistake.notes) == ("SPX628", ("layers.1.blocks.0.op.Ds",))


def test_a_value_too_large_for_the_models_dtype_is_refused() -> None:
    """Rounding to half precision is reported, and overflowing there is refused."""
    state = snapshot(small("vmamba"))
    report = load_checkpoint(small("vmamba", 1, dtype=torch.float16), state)
    assert "were rounded" in report.notes[0]
    state["head.linear.bias"][0] = 1e6
    (mistake,) = load_refusal(small("vmamba", 1, dtype=torch.float16), state)
    assert (mistake.code, mistake.notes) == ("SPX628", ("head.linear.bias",))


def test_integers_are_no_weights() -> None:
    """A tensor of integers where floating point numbers belong is refused."""
    state = snapshot(small("vmamba"))
    state["head.linear.bias"] = torch.arange(5)
    (mistake,) = load_refusal(small("vmamba", 1), state)
    assert (mistake.code, mistake.notes) == ("SPX627", ("head.linear.bias: int64, expected float32",))


def test_position_indices_of_another_order_are_refused() -> None:
    """The biases of such a file would be read for other distances than they were learned for."""
    state = released_state(small("swin"), "swin")
    state["layers.0.blocks.0.attn.relative_position_index"] = state[
        "layers.0.blocks.0.attn.relative_position_index"].T.contiguous()  # fmt: skip
    (mistake,) = load_refusal(small("swin", 1), state)
    assert (mistake.code, mistake.notes) == ("SPX629", ("layers.0.blocks.0.attn.relative_position_index",))


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
    (mistake,) = load_refusal(small("vmamba"), source, **options)
    assert mistake.code == code
    assert help is None or help in str(mistake.help)
