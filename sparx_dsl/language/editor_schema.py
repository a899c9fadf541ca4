"""The language as a JSON Schema, for completion and checks in editors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sparx_dsl.language.models import SpecModel

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID: Final = "urn:sparx_dsl:spec:1"
"""What the schema of this version of the language is called."""


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of specs; a file that extends another may leave out what the other gives.

    The schema knows single keys. Rules that tie several keys together are checked by ``load_spec`` alone.
    """
    schema = SpecModel.model_json_schema(by_alias=True)
    required: list[str] = schema.pop("required")
    properties: dict[str, Any] = schema["properties"]
    _extending(schema)
    properties["extends"] = {
        "type": "string", "pattern": r"^([^/\\:][^\\:]*\.ya?ml|(ablations/)?[a-z][a-z0-9_]{0,63})$",
        "description": "The file over which this one is laid: a path from its folder, or a name of the zoo.",
    }  # fmt: skip
    stages: dict[str, Any] = properties["stages"]
    described = {"description": stages.pop("description")}
    properties["stages"] = {"anyOf": [stages, {"type": "object"}], **described}
    alternatives = [{"required": required, "properties": _kinds_named()}, {"required": ["extends"]}]
    for key in ("downsample", "head"):
        properties[key]["default"] = SpecModel.model_fields[key].get_default(call_default_factory=True).model_dump()
    return {"$schema": DRAFT, "$id": SCHEMA_ID, **schema, "anyOf": alternatives}


def _kinds_named() -> dict[str, Any]:
    """The keys at which a file that extends no other has to name a kind."""
    named = {"required": ["kind"]}
    layer = {"properties": dict.fromkeys(("mixer", "fusion", "ffn"), named)}
    stage = {"properties": {"downsample": named, "layer": layer, "layers": {"additionalProperties": layer}}}
    return {"stem": named, "downsample": named, "head": named, "layer": layer, "stages": {"items": stage}}


def _extending(schema: Any) -> None:
    """Let every place of a kind take its options alone too, in place, as a file that extends another may give them."""
    if isinstance(schema, dict):
        part = cast("dict[str, Any]", schema)
        branches: list[Any] = part.get("anyOf", [])
        kinds = [branch for branch in branches if "kind" in branch.get("properties", {})]
        if kinds:
            branches.append(_options_alone([branch["properties"] for branch in kinds]))
        for inner in part.values():
            _extending(inner)
    elif isinstance(schema, list):
        for inner in cast("list[Any]", schema):
            _extending(inner)


def _options_alone(kinds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A mapping of options of any of the kinds, given by their keys, without a kind."""
    options: dict[str, list[dict[str, Any]]] = {}
    for keys in kinds:
        for name, said in keys.items():
            if name != "kind" and said not in options.setdefault(name, []):
                options[name].append(said)
    either = {
        name: found[0] if len(found) == 1 else {"anyOf": found, "description": found[0]["description"]}
        for name, found in options.items()
    }
    said = "Options of the kind that is named in the file which this one extends."
    return {"type": "object", "properties": either, "additionalProperties": False, "description": said}
