"""The JSON Schema agrees with the loader on what it can express."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

import sparx_dsl
from tests.support import strategies

VALIDATOR = Draft202012Validator(sparx_dsl.json_schema())


def as_json(mapping: dict[str, Any]) -> Any:
    """The mapping as an editor sees it: keys are text."""
    return json.loads(json.dumps(mapping))


def test_the_schema_is_a_schema() -> None:
    """It holds against its own meta-schema."""
    Draft202012Validator.check_schema(sparx_dsl.json_schema())


@given(strategies.spec_mappings())
def test_valid_specs_hold(mapping: dict[str, Any]) -> None:
    """What the loader accepts, the schema accepts."""
    sparx_dsl.parse_spec(mapping)
    assert [] == [error.message for error in VALIDATOR.iter_errors(as_json(mapping))]


@pytest.mark.parametrize(
    "change",
    [
        {"stem": {"kind": "cnv"}},
        {"stem": {"kind": "conv", "convs": 99}},
        {"colour": "red"},
        {"stages": []},
        {"sparx": 2},
        {"name": "A b"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_wrong_values_are_refused_by_both(change: dict[str, Any]) -> None:
    """What the schema can express, it refuses as the loader does."""
    base = {
        "sparx": 1,
        "name": "a",
        "stem": {"kind": "conv"},
        "layer": {"mixer": {"kind": "ss2d"}},
        "stages": [{"channels": 8, "depth": 1}],
    }
    sparx_dsl.parse_spec(base)
    broken = {**base, **change}
    with pytest.raises(sparx_dsl.SparxError):
        sparx_dsl.parse_spec(broken)
    assert list(VALIDATOR.iter_errors(as_json(broken)))
