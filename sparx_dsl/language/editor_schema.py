"""The language as a JSON Schema, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from sparx_dsl.language.models import SpecModel


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of specs; a file that extends another may leave out what the other gives.

    The schema knows single keys. Rules that tie several keys together are checked by ``load_spec`` alone.
    """
    schema = SpecModel.model_json_schema(by_alias=True)
    required: list[str] = schema.pop("required")
    properties: dict[str, Any] = schema["properties"]
    properties["extends"] = {"type": "string", "pattern": r"^(ablations/)?[a-z][a-z0-9_]{0,63}\.ya?ml$"}
    stages: dict[str, Any] = properties["stages"]
    properties["stages"] = {"anyOf": [stages, {"type": "object"}]}
    alternatives = [{"required": required}, {"required": ["extends"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "anyOf": alternatives}
