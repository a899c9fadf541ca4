"""Specs as values: round trips, equality, and the level at which a layer's slots are given."""

from __future__ import annotations

import math
import operator
import pickle
from pathlib import Path
from typing import Any, cast

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.resolve import choices, drop_path_rates
from sparx_dsl.language.shrinking import total
from sparx_dsl.language.strides import opening_strides, stage_reduction
from sparx_dsl.reader.tree import plain
from tests.support import strategies
from tests.support.backbones import TWO_STAGES
from tests.support.paths import SPECS


@given(strategies.specs())
def test_a_dumped_spec_reads_back_as_the_same(spec: sparx_dsl.Spec) -> None:
    """``parse_spec(dump_spec(s))`` equals s, has its hash, prints alike, and dumps to the same text again."""
    text = sparx_dsl.dump_spec(spec)
    again = sparx_dsl.parse_spec(text)
    assert again == spec
    assert hash(again) == hash(spec)
    assert repr(again) == repr(spec)
    assert sparx_dsl.dump_spec(again) == text


@given(strategies.spec_mappings())
def test_a_spec_writes_down_what_was_given(mapping: dict[str, Any]) -> None:
    """No default slips into what is written, and nothing that was given is lost."""
    assert listed(sparx_dsl.parse_spec(mapping).written()) == listed(as_written(mapping))


def as_written(mapping: dict[str, Any]) -> dict[str, Any]:
    """A drawn mapping with its sizes as the spec writes them."""
    size: Any = mapping["input"]["size"]
    short: Any = size if isinstance(size, int) or size[0] != size[1] else size[0]
    return {**mapping, "input": {**mapping["input"], "size": short}}


def listed(value: Any) -> Any:
    """Mappings and lists, where the spec's frozen value has tuples."""
    if isinstance(value, dict):
        return {key: listed(inner) for key, inner in cast("dict[Any, Any]", value).items()}
    return [listed(inner) for inner in cast("Any", value)] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_zoo_round_trips(path: Path) -> None:
    """Every spec of the zoo, extended or not, stands by itself once dumped, and is named as its file."""
    spec = sparx_dsl.load_spec(path)
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec
    assert spec.name == path.stem


@given(strategies.specs(), strategies.specs())
def test_specs_are_equal_where_their_texts_are(one: sparx_dsl.Spec, other: sparx_dsl.Spec) -> None:
    """Two specs are equal exactly where every value is."""
    assert (one == other) == (one.model_dump() == other.model_dump())


@given(strategies.specs())
def test_a_spec_cannot_be_changed(spec: sparx_dsl.Spec) -> None:
    """Assignment raises, in the spec and in everything inside it."""
    first = spec.stages[0]
    for owner, field in (
        (spec, "name"),
        (spec.stem, "norm"),
        (first, "depth"),
        (spec.input, "size"),
        (spec.layer, "dpe"),
    ):
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            setattr(owner, field, None)
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", spec.stages), 0, first)
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", first.layers), 1, spec.layer)


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=4))
def test_a_frozen_dict_is_a_value(items: dict[str, int]) -> None:
    """It has what it was made of, in that order, is equal and hashed by it, travels, and cannot be changed."""
    frozen = FrozenDict(items)
    assert frozen == items
    assert (list(frozen), len(frozen), repr(frozen)) == (list(items), len(items), repr(items))
    assert hash(frozen) == hash(FrozenDict(dict(reversed(items.items()))))
    assert pickle.loads(pickle.dumps(frozen)) == frozen  # noqa: S301
    assert frozen.get("absent", 5) == 5
    with pytest.raises(AttributeError, match="cannot be changed"):
        frozen.other = 1  # pyright: ignore[reportAttributeAccessIssue]


@given(strategies.spec_mappings())
def test_equal_specs_have_one_hash(mapping: dict[str, Any]) -> None:
    """The order of overrides and the sign of zero make no other spec, and no other hash."""
    flipped = [{**s, "layers": dict(reversed(s["layers"].items()))} if "layers" in s else s for s in mapping["stages"]]
    signed = {"drop_path": -mapping["drop_path"]} if mapping.get("drop_path") == 0 else {}
    one, other = sparx_dsl.parse_spec(mapping), sparx_dsl.parse_spec({**mapping, "stages": flipped, **signed})
    assert one == other
    assert hash(one) == hash(other)


@given(strategies.specs())
def test_a_spec_that_was_validated_by_pydantic_is_the_same(spec: sparx_dsl.Spec) -> None:
    """It remembers no text, and is written, edited, resolved and copied as the one that was read."""
    bare = sparx_dsl.Spec.model_validate(spec.model_dump(exclude_unset=True))
    assert bare == spec
    assert hash(bare) == hash(spec)
    assert plain(bare.tree) == plain(spec.tree)
    assert str(sparx_dsl.connect(bare)) == str(sparx_dsl.connect(spec))
    assert bare.edit({"name": "other"}) == spec.edit({"name": "other"})
    assert bare.within(sparx_dsl.Limits(depth=50)) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301
    assert repr(spec) == f"Spec({spec.name!r}, depths {', '.join(str(stage.depth) for stage in spec.stages)})"


def test_a_spec_is_held_to_other_limits() -> None:
    """It is the same spec within limits that it keeps, and refused by those that it does not."""
    spec = sparx_dsl.parse_spec(TWO_STAGES)
    assert spec.within(spec.limits) is spec
    assert spec.within(sparx_dsl.Limits(depth=50)) == spec
    with pytest.raises(sparx_dsl.SparxError):
        spec.within(sparx_dsl.Limits(layers_in_total=1))


@given(strategies.specs())
def test_the_stride_of_the_last_stage_is_that_of_all_openings(spec: sparx_dsl.Spec) -> None:
    """The stem's and those of the downsamplings, multiplied, whichever way they are named."""
    openings = opening_strides(spec)
    assert math.prod(openings) == total(spec.resolved[-1].shrinkings)
    assert stage_reduction(openings, 0) * openings[0] == math.prod(openings)


def test_a_layer_without_a_mixer_cannot_be_resolved() -> None:
    """Which loading refuses, and pydantic alone does not see."""
    given = {"sparx": 1, "name": "a", "stem": {"kind": "patch"}, "stages": [{"channels": 8, "depth": 1}]}
    with pytest.raises(LookupError, match="mixer"):
        _ = sparx_dsl.Spec.model_validate(given).resolved


@pytest.mark.parametrize("name", ["y", "n", "yes", "no", "on", "off", "true", "null", "e1", "x"])
def test_names_that_yaml_mistakes_are_quoted(name: str) -> None:
    """A name that some YAML reader takes for a boolean or nothing is dumped in quotes."""
    spec = sparx_dsl.parse_spec({**sparx_dsl.parse_spec(TWO_STAGES).written(), "name": name})
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(spec)) == spec


@given(strategies.spec_mappings())
def test_the_narrowest_level_that_gives_a_slot_wins(mapping: dict[str, Any]) -> None:
    """Each slot of a layer is its own entry's, else its stage's, else the backbone's; and its place says which."""
    spec = sparx_dsl.parse_spec(mapping)
    for index, stage in enumerate(mapping["stages"]):
        for number, chosen in enumerate(choices(spec, index), start=1):
            levels = [
                (stage.get("layers", {}).get(number, {}), ("stages", index, "layers", number)),
                (stage.get("layer", {}), ("stages", index, "layer")),
                (mapping["layer"], ("layer",)),
            ]
            for slot in ("dpe", "mixer", "fusion", "ffn", "norm", "layer_scale"):
                given_at = [path for level, path in levels if slot in level]
                assert (slot in chosen.values) == bool(given_at)
                if given_at:
                    assert chosen.paths[slot] == (*given_at[0], slot)
                    written = next(level[slot] for level, _ in levels if slot in level)
                    value: Any = chosen.values[slot]
                    if slot in KINDS:
                        value = {"kind": value.kind, **value.model_dump(mode="json", exclude_unset=True)}
                    assert value == written


KINDS = ("mixer", "fusion", "ffn")


@given(strategies.specs())
def test_drop_path_rises_in_a_line(spec: sparx_dsl.Spec) -> None:
    """The rates begin at 0, end at the spec's, and rise by equal steps; a single layer has the spec's."""
    rates = list(drop_path_rates(spec))
    assert rates == [node.drop_path for node in sparx_dsl.connect(spec).layers()]
    assert rates[-1] == pytest.approx(spec.drop_path)
    if len(rates) > 1:
        assert rates[0] == 0
        step = spec.drop_path / (len(rates) - 1)
        assert rates == pytest.approx([step * place for place in range(len(rates))])


@pytest.mark.parametrize(("depth", "rates"), [(1, [0.5]), (2, [0, 0.5]), (3, [0, 0.25, 0.5])])
def test_drop_path_of_few_layers(depth: int, rates: list[float]) -> None:
    """Which are seldom drawn."""
    spec = sparx_dsl.parse_spec(TWO_STAGES).edit({"drop_path": 0.5, "stages.1.depth": depth, "stages.2": None})
    assert list(drop_path_rates(spec)) == rates
