"""Specs through JSON and through pydantic's own values: what is written is read, and is the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

import sparx_dsl
from tests.support import strategies
from tests.support.backbones import mixed, tiny


def written(spec: sparx_dsl.Spec) -> dict[str, Any]:
    """What programs make of a spec, by how it was made."""
    return {
        "JSON": spec.model_dump_json(),
        "JSON of what was given": spec.model_dump_json(exclude_unset=True),
        "values of JSON": json.loads(spec.model_dump_json()),
        "values": spec.model_dump(),
        "values of what was given": spec.written(),
        "JSON by another writer": json.loads(json.dumps(spec.model_dump(), default=dict)),
    }


def differing(spec: sparx_dsl.Spec) -> list[str]:
    """The ways to write a spec of which something else is read, or an equal one of another hash."""
    again = {way: sparx_dsl.parse_spec(value) for way, value in written(spec).items()}
    return [way for way, read in again.items() if read != spec or hash(read) != hash(spec)]


@given(strategies.specs())
def test_what_a_spec_writes_is_read(spec: sparx_dsl.Spec) -> None:
    """Each way gives an equal spec with an equal hash."""
    assert differing(spec) == []


@pytest.mark.parametrize("name", sparx_dsl.list_specs())
def test_the_zoo_goes_through_json(name: str) -> None:
    """Also those that extend others."""
    assert differing(sparx_dsl.load_spec(name)) == []


@given(strategies.specs())
def test_json_has_no_nulls(spec: sparx_dsl.Spec) -> None:
    """A null in a text is an error, so none is written into one; a mapping has them, and they are read."""
    assert "null" not in spec.model_dump_json()
    assert None in spec.model_dump()["stages"][0].values()


@pytest.mark.parametrize("source", [mixed(), tiny()], ids=["mixed", "tiny"])
def test_links_are_written_under_their_keys(source: dict[str, Any]) -> None:
    """``from`` and ``to``, as the language has them."""
    links = json.loads(sparx_dsl.parse_spec(source).model_dump_json())["links"]["add"]
    assert links == source["links"]["add"]


@pytest.mark.parametrize(("key", "layer"), [("2", 2), (2, 2)])
def test_digits_are_layer_numbers(key: object, layer: int) -> None:
    """JSON's keys are texts."""
    spec = sparx_dsl.parse_spec(tiny(stages=[{"channels": 8, "depth": 2, "layers": {key: {"dpe": True}}}], links={}))
    assert list(spec.stages[0].layers) == [layer]
    assert spec.written()["stages"][0]["layers"] == {2: {"dpe": True}}


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": None}, ["SPX108"]),
    ({"drop_path": None}, ["SPX108"]),
    ({"head": {"kind": "linear", "classes": None}}, ["SPX108"]),
    ({"colour": None}, ["SPX101"]),
    ({"stem": {"kind": None}}, ["SPX108"]),
    ({"stages": [{"channels": None, "depth": 1}, None], "links": {}}, ["SPX108", "SPX108"]),
    ({"stages": [{"channels": 8, "depth": 1, "layers": {"0": {}, "x": {}}}], "links": {}}, ["SPX104", "SPX103"]),
    ({"stages": [{"channels": 8, "depth": 1, "layers": {"9999": {}}}], "links": {}}, ["SPX104"]),
]
"""Changes to a spec, and the codes of what is wrong with them."""


@pytest.mark.parametrize(("change", "codes"), REFUSED)
def test_other_nulls_and_keys_are_refused(change: dict[str, Any], codes: list[str]) -> None:
    """A null stands for a default only where null is the default."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(tiny(**change))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == codes


def test_a_null_default_is_left_out() -> None:
    """At every depth: of the head's norm, of a layer's slot, of a stage's stride."""
    plain = sparx_dsl.parse_spec(tiny())
    data = tiny()
    data["head"] = {"kind": "linear", "classes": 3, "norm": None}
    data["layer"] = {**dict(plain.written()["layer"]), "fusion": None, "layer_scale": None}
    data["stages"] = [{"S": None, "M": None, "layer": {"mixer": None}, **stage} for stage in plain.written()["stages"]]
    assert sparx_dsl.parse_spec(data) == plain
    assert sparx_dsl.dump_spec(sparx_dsl.parse_spec(data)).count("null") == 0
