"""How a field of a spec takes any registered kind of its role: found by its name, checked by its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from sparx_dsl.errors import exception_text
from sparx_dsl.kind import Kind
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.kind_options import fault_of
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import default_registry


@dataclass(frozen=True, slots=True)
class KindField:
    """Annotates a field that holds the options of one kind of ``role``."""

    role: Role

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate through the registry; serialise by the options' own class."""
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(_serialise, info_arg=True)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """One branch for each registered kind of the role."""
        kinds = [kind for kind in default_registry() if kind.role == self.role]
        return {"anyOf": [_branch(kind.load_options()) for kind in kinds]}

    def validate(self, value: object) -> KindOptions:
        """Return the options that ``value`` describes; raises ``ValidationError`` or ``PydanticCustomError``."""
        if isinstance(value, KindOptions):
            return value
        if not isinstance(value, Mapping):
            raise PydanticCustomError("kind_slot", "a mapping with a kind is expected", {"role": self.role})
        given = dict(cast("Mapping[str, object]", value))
        name = given.get("kind")
        kind = default_registry().find(self.role, name) if isinstance(name, str) else None
        if kind is None:
            raise self._unknown(given)
        return _read(kind, given)

    def _unknown(self, given: dict[str, object]) -> ValidationError:
        context = {"role": self.role, "names": ", ".join(default_registry().names(self.role))}
        code = "unknown_kind" if "kind" in given else "missing_kind"
        error = PydanticCustomError(code, "no such kind", context)
        where = ("kind",) if "kind" in given else ()
        return ValidationError.from_exception_data(
            "kind", [InitErrorDetails(type=error, loc=where, input=given.get("kind"))]
        )


def _read(kind: Kind, given: dict[str, object]) -> KindOptions:
    """The options of that kind; raises ``ValidationError``, or ``PydanticCustomError`` where the kind itself fails."""
    try:
        return kind.load_options().model_validate(given)
    except ValidationError:
        raise
    except Exception as error:  # validators of another package
        if kind.builtin:
            raise
        context = {"reason": f"the options of {kind} fail with {exception_text(error)}", "help": fault_of(kind)}
        raise PydanticCustomError("kind_fails", "{reason}", context) from error


def _serialise(value: KindOptions | None, info: core_schema.SerializationInfo) -> dict[str, Any] | None:
    if value is None:
        return None
    written = value.model_dump(mode=info.mode, exclude_unset=info.exclude_unset, by_alias=info.by_alias)
    return {"kind": value.kind, **written}


def _branch(options: type[KindOptions]) -> dict[str, Any]:
    schema = options.model_json_schema()
    schema["properties"]["kind"]["description"] = summary_of(options)
    return {**schema, "required": ["kind", *(name for name in schema.get("required", []) if name != "kind")]}


def summary_of(options: type[KindOptions]) -> str:
    """The first paragraph of what a kind's options say of it, in one line; nothing where they say nothing."""
    return " ".join((options.__doc__ or "").strip().split("\n\n")[0].split())
