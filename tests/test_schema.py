"""The JSON Schema agrees with the loader on what it can express."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

import sparx_dsl
from tests.support import strategies
from tests.support.paths import SPECS

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


def keys(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a schema knows, with what it says of it."""
    if isinstance(schema, dict):
        whole = cast("dict[str, Any]", schema)
        for name, said in whole.get("properties", {}).items():
            # What only asks for keys says nothing of them.
            if said.keys() - {"required", "properties", "items", "additionalProperties"}:
                yield f"{path}.{name}", said
        for name, inner in whole.items():
            yield from keys(inner, f"{path}/{name}")
    elif isinstance(schema, list):
        for inner in cast("list[Any]", schema):
            yield from keys(inner, path)


def test_every_key_is_described() -> None:
    """An editor has a sentence to show for each key, and for each kind."""
    found = list(keys(sparx_dsl.json_schema()))
    assert len(found) > 100
    assert [path for path, said in found if not said.get("description", "").endswith(".")] == []


def test_the_schema_names_its_defaults() -> None:
    """What a spec leaves out is what the schema says: laid over a spec, its defaults change nothing."""
    properties = sparx_dsl.json_schema()["properties"]
    defaults = {key: said["default"] for key, said in properties.items() if "default" in said}
    assert {"input", "downsample", "layer", "links", "drop_path", "head", "budget"} <= defaults.keys()
    plain = {
        "sparx": 1, "name": "a", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
        "stages": [{"channels": 8, "depth": 1}, {"channels": 8, "depth": 1}],
    }  # fmt: skip
    given = {key: value for key, value in defaults.items() if key not in plain}
    assert sparx_dsl.parse_spec({**plain, **given}) == sparx_dsl.parse_spec(plain)


@pytest.mark.parametrize("path", [*SPECS.glob("*.yaml"), *SPECS.glob("ablations/*.yaml")], ids=lambda path: path.stem)
def test_every_spec_of_the_zoo_names_the_schema(path: Path) -> None:
    """Its first line leads an editor to the schema that lies in the zoo, and the spec holds against it."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    assert (path.parent / named[1]).resolve() == (SPECS / "schema.json").resolve()
    assert not list(VALIDATOR.iter_errors(as_json(yaml.safe_load(path.read_text(encoding="utf-8")))))


def test_the_schema_in_the_zoo_is_todays() -> None:
    """To renew it: ``sparx schema -o specs/schema.json``."""
    assert json.loads((SPECS / "schema.json").read_text(encoding="utf-8")) == sparx_dsl.json_schema()
    assert sparx_dsl.json_schema()["$id"]
