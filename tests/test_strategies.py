"""The strategies reach the whole language: each key, kind, option and word of the JSON Schema is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import sparx_dsl
from tests.support import kind_strategies
from tests.support.strategies import layer_options, spec_mappings

Feature = tuple[str, ...]
"""Where a key stands (under which key, and of which kind), the key, and the word that it has if it has one."""


def offered(schema: Any, definitions: dict[str, Any], slot: str = "") -> Iterator[Feature]:
    """All that a schema allows below a key."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    for key in ("anyOf", "oneOf"):
        # A part of a kind's options stands alone only where a spec extends another.
        whole = [inner for inner in schema.get(key, []) if "kind" in inner.get("properties", {})]
        for inner in whole or schema.get(key, []):
            yield from offered(inner, definitions, slot)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from offered(schema[key], definitions, slot)
    properties = schema.get("properties", {})
    place = f"{slot} {properties['kind']['const']}" if "kind" in properties else slot
    for key, inner in properties.items():
        yield place, key
        yield from ((place, key, word) for word in words(inner, definitions))
        yield from offered(inner, definitions, key)


def words(schema: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """The words that a value may be."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    yield from (word for word in [*schema.get("enum", []), schema.get("const")] if isinstance(word, str))
    for inner in schema.get("anyOf", []):
        yield from words(inner, definitions)


def drawn(value: Any, slot: str = "") -> Iterator[Feature]:
    """All that a spec, or a part of it below a key, makes use of."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from drawn(item, slot)
    if not isinstance(value, dict):
        return
    place = f"{slot} {value['kind']}" if "kind" in value else slot
    for key, inner in cast("dict[str | int, Any]", value).items():
        if isinstance(key, int):
            yield from drawn(inner, slot)
            continue
        yield place, key
        if isinstance(inner, str):
            yield place, key, inner
        yield from drawn(inner, key)


def drawn_from(strategy: st.SearchStrategy[dict[str, Any]], slot: str, examples: int) -> set[Feature]:
    """What so many examples of a strategy, of values below a key, make use of."""
    found: set[Feature] = set()

    @settings(max_examples=examples, derandomize=True, database=None, phases=[Phase.generate])
    @given(strategy)
    def collect(mapping: dict[str, Any]) -> None:
        found.update(drawn(mapping, slot))

    collect()
    return found


KINDS = {
    "stem": kind_strategies.stems(),
    "downsample": kind_strategies.downsamples(),
    "mixer": kind_strategies.mixers(),
    "fusion": kind_strategies.fusions(),
    "ffn": kind_strategies.ffns(),
    "head": kind_strategies.heads(),
}


def test_the_strategies_draw_every_feature_of_the_language() -> None:
    """They have every key, kind, option and word; only a file that extends another is no single mapping."""
    schema: dict[str, Any] = sparx_dsl.json_schema()
    expected = set(offered(schema, schema["$defs"])) - {("", "extends")}
    found = drawn_from(spec_mappings(), "", 80)
    for slot, strategy in KINDS.items():
        found |= drawn_from(strategy, slot, 600)
    for slot in ("layer", "layers"):
        found |= drawn_from(layer_options(), slot, 60)
    assert len(expected) > 100
    assert expected - found == set()
