"""Which names a stage may have: none that the compiled module needs itself."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import sparx_dsl
from sparx_dsl.language.checks.check_spec import RESERVED_NAMES
from sparx_dsl.language.models import NAME_PATTERN


def attributes() -> set[str]:
    """Every attribute of a compiled backbone that a stage's name could hide, inherited ones and instance ones too."""
    import torch

    from sparx_dsl.lowering import Backbone

    model = sparx_dsl.build(named("stage1"), device="meta")
    names = {*vars(model), *inspect.signature(model.forward).parameters, *(name for name, _ in model.named_children())}
    for owner in (Backbone, torch.fx.GraphModule, torch.nn.Module):
        names |= {*dir(owner), *inspect.get_annotations(owner)}
    return {name for name in names if re.fullmatch(NAME_PATTERN, name)} - {"stage1"}


def named(stage: str) -> dict[str, Any]:
    """A backbone of one stage of that name."""
    return {
        "sparx": 1,
        "name": "named",
        "stem": {"kind": "patch"},
        "layer": {"mixer": {"kind": "window_attention", "heads": 1}},
        "stages": [{"name": stage, "channels": 8, "depth": 2, "S": 2}],
        "head": {"kind": "linear", "classes": 2},
    }


def test_no_stage_can_hide_an_attribute_of_the_module() -> None:
    """Every attribute of the compiled module that could be a stage's name is reserved."""
    missing = attributes() - RESERVED_NAMES
    assert not missing, f"add these to RESERVED_NAMES: {sorted(missing)}"


def test_every_reserved_name_is_refused() -> None:
    """A stage of a reserved name is refused where its name stands."""
    for name in RESERVED_NAMES:
        with pytest.raises(sparx_dsl.SparxError) as caught:
            sparx_dsl.parse_spec(named(name))
        charged = [(mistake.code, mistake.where.path) for mistake in caught.value.diagnostics]
        assert charged == [("SPX201", "stages.1.name")], name


@pytest.mark.parametrize("name", ["torch", "self", "match", "nan", "inf", "device", "print", "layer1", "x" * 64])
def test_any_other_name_compiles(name: str) -> None:
    """A stage may be called what the generated code calls something else."""
    import torch

    model = sparx_dsl.build(named(name), device="meta")
    assert model(torch.empty(2, 3, 16, 16, device="meta")).shape == (2, 2)
    assert any(key.startswith(f"{name}.layer1.") for key in model.state_dict())
