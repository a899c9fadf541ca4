"""No key of the language, of a space or of a checkpoint can switch a guard off.

Loaders of other projects read such keys from the file that they guarded against: CVE-2025-9906 (Keras), CVE-2026-5241
(transformers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, cast

import pytest

import sparx_dsl
from sparx_dsl import Limits, SparxError
from sparx_dsl.search.space.parse_space import SPACE_KEYS
from tests.support.backbones import tiny

GUARDS = {
    "allow", "check", "checks", "code", "eval", "exec", "guard", "hub", "import", "limit", "limits", "module", "pickle",
    "plugin", "plugins", "remote", "root", "safe", "strict", "trust", "trusted", "unsafe", "url", "verify",
}  # fmt: skip
"""Words of which a key would be made that weakens a check, or leads elsewhere."""


def keys_of(schema: object) -> Iterator[str]:
    """The names of all properties within a JSON Schema."""
    if isinstance(schema, dict):
        for key, inner in cast("dict[str, Any]", schema).items():
            if key == "properties":
                yield from inner
            yield from keys_of(inner)
    elif isinstance(schema, list):
        for inner in cast("list[Any]", schema):
            yield from keys_of(inner)


def test_no_key_is_made_of_a_guards_words() -> None:
    """Neither of specs, whatever kinds they have, nor of spaces."""
    keys = {*keys_of(sparx_dsl.json_schema()), *SPACE_KEYS}
    assert {"stages", "mixer", "qkv_bias", "bounds"} <= keys
    assert {key for key in keys if GUARDS & set(key.lower().split("_"))} == set()


@pytest.mark.parametrize("key", sorted(GUARDS | {"limits", "trust_remote_code", "weights_only", "safe_mode"}))
def test_such_a_key_is_refused_wherever_it_stands(key: str) -> None:
    """It is unknown, not ignored; with the spec's other keys as they should be."""
    places: list[dict[str, Any]] = [
        tiny(**{key: True}),
        tiny(layer={"mixer": {"kind": "ss2d", key: True}}),
        tiny(head={"kind": "linear", "classes": 3, key: True}),
    ]
    for spec in places:
        with pytest.raises(SparxError) as caught:
            sparx_dsl.parse_spec(spec)
        assert {each.code for each in caught.value.diagnostics} == {"SPX101"}


@pytest.mark.parametrize("field", [each.name for each in fields(Limits)])
def test_a_spec_raises_no_limit(field: str) -> None:
    """A limit that a spec names is an unknown key."""
    with pytest.raises(SparxError, match="SPX101"):
        sparx_dsl.parse_spec(tiny(limits={field: 10**12}))
    with pytest.raises(SparxError, match="SPX101"):
        sparx_dsl.parse_spec(tiny(budget={f"most_{field}": 10**12}))


def test_a_budget_only_narrows() -> None:
    """However large it is, what is beyond a limit is refused."""
    large = tiny(stages=[{"channels": 8192, "depth": 200}], links={}, budget={"params": "999T", "peak": "999TiB"})
    with pytest.raises(SparxError, match=r"SPX40\d .*limit"):
        sparx_dsl.build(large)
