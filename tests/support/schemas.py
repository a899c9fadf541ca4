"""The schemas of what commands print with ``--json``, as docs/schemas states them."""

from __future__ import annotations

import json
from typing import Any, cast

import jsonschema

from tests.support.paths import DOCS


def stated_schema(name: str) -> dict[str, Any]:
    """The schema of that name."""
    return json.loads((DOCS / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def check_stated(name: str, found: object) -> None:
    """Assert that a value satisfies the schema of that name, and has no key that it does not state."""
    jsonschema.Draft202012Validator(closed(stated_schema(name))).validate(found)  # pyright: ignore[reportUnknownMemberType]


def closed(schema: object) -> Any:
    """The schema in which no object may have a key that is not stated."""
    if isinstance(schema, list):
        return [closed(one) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(one) for key, one in cast("dict[str, object]", schema).items()}
    states_keys = "properties" in found and found.get("type") == "object"
    return {**found, "additionalProperties": False} if states_keys else found
