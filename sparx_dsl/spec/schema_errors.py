"""From pydantic's findings to diagnostics in the language's own words, at their places in the text."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sparx_dsl.errors import Diagnostic, did_you_mean
from sparx_dsl.spec.kinds import default_registry
from sparx_dsl.spec.nodes import Node, locate, plain
from sparx_dsl.spec.options.base import Options
from sparx_dsl.spec.slots import KindSlot

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a name",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "kind_slot": "a mapping with a kind",
}


def schema_diagnostics(error: ValidationError, root: Node, model: type[Options]) -> list[Diagnostic]:
    """One diagnostic for each mistake that pydantic found in ``root`` as a ``model``."""
    by_place: dict[tuple[str, str], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        where = locate(root, details["loc"])
        family = "type" if details["type"] in EXPECTED or details["type"] == "literal_error" else details["type"]
        place = f"{where.path}|{details['loc'][-1]}" if family in ("missing", "extra_forbidden") else where.path
        by_place.setdefault((place, family), []).append(details)
    return [_diagnostic(group, root, model) for group in by_place.values()]


def _diagnostic(group: list[ErrorDetails], root: Node, model: type[Options]) -> Diagnostic:
    details = group[0]
    loc, kind, context = details["loc"], details["type"], details.get("ctx", {})
    where = locate(root, loc)
    if kind == "extra_forbidden":
        return _unknown_key(details, root, model)
    if kind in ("missing", "missing_kind"):
        key = "kind" if kind == "missing_kind" else str(loc[-1])
        legal = f"one of {context['names']}" if kind == "missing_kind" else None
        parent = loc if kind == "missing_kind" else loc[:-1]
        return Diagnostic("SPX102", f"the key {key!r} is missing", locate(root, parent, key=True), help=legal)
    if kind == "unknown_kind":
        names = str(context["names"])
        guess = did_you_mean(str(details["input"]), names.split(", "))
        return Diagnostic("SPX106", f"there is no {context['role']} of the kind {_show(details['input'])}", where,
                          notes=(f"the {context['role']} kinds are {names}",), help=guess)
    if kind in EXPECTED or kind == "literal_error":
        return _wrong_value(group, where)
    if kind == "string_pattern_mismatch":
        return Diagnostic("SPX109", f"{_show(details['input'])} is not a name", where,
                          help="names are of lower-case letters, digits and underscores, begin with a letter and have at most 64 characters")
    return Diagnostic("SPX104", f"{_show(details['input'])} is out of range: {_bound(kind, context, details['msg'])}", where)


def _wrong_value(group: list[ErrorDetails], where: Any) -> Diagnostic:
    found = group[0]["input"]
    choices = [_plain(str(d.get("ctx", {}).get("expected", ""))) for d in group if d["type"] == "literal_error"]
    others = [EXPECTED[d["type"]] for d in group if d["type"] in EXPECTED]
    expected = " or ".join(dict.fromkeys(others + choices))
    code = "SPX105" if choices and not others else "SPX103"
    words = [word.strip() for choice in choices for part in choice.split(",") for word in part.split(" or ")]
    guess = did_you_mean(found, words) if isinstance(found, str) else None
    return Diagnostic(code, f"expected {expected}, found {_show(found)}", where, help=guess)


def _unknown_key(details: ErrorDetails, root: Node, model: type[Options]) -> Diagnostic:
    loc = details["loc"]
    legal = keys_at(root, loc[:-1], model)
    guess = did_you_mean(str(loc[-1]), legal)
    return Diagnostic("SPX101", f"there is no key {str(loc[-1])!r} here", locate(root, loc, key=True),
                      notes=(f"the keys are {', '.join(legal)}",), help=guess)


def keys_at(root: Node, loc: tuple[str | int, ...], model: type[Options]) -> list[str]:
    """The keys that may stand at the place ``loc`` of a spec."""
    value: Any = plain(root)
    found: type[Options] = model
    for part in loc:
        value = _item(value, part)
        field = next((f for name, f in found.model_fields.items() if (f.alias or name) == part), None)
        if field is not None:
            found = _model_of(field, value) or found
    return [field.alias or name for name, field in found.model_fields.items()]


def _item(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, (list, tuple)) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _model_of(field: FieldInfo, value: Any) -> type[Options] | None:
    for slot in field.metadata:
        if isinstance(slot, KindSlot):
            name = value.get("kind") if isinstance(value, Mapping) else None
            kind = default_registry().find(slot.role, str(name))
            return kind.options if kind else None
    return next(_models_in(field.annotation), None)


def _models_in(annotation: Any) -> Iterator[type[Options]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias) and issubclass(annotation, Options):
        yield annotation
    inner = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    for argument in inner:
        yield from _models_in(argument)


def _bound(kind: str, context: Mapping[str, Any], message: str) -> str:
    words = {
        "greater_than_equal": ("ge", "the least is {}"), "less_than_equal": ("le", "the most is {}"),
        "less_than": ("lt", "it must be less than {}"), "greater_than": ("gt", "it must be more than {}"),
        "too_short": ("min_length", "at least {} wanted"), "too_long": ("max_length", "at most {} wanted"),
        "finite_number": ("", "it must be finite"),
    }
    key, text = words.get(kind, ("", message))
    return text.format(context.get(key, ""))


def _plain(expected: str) -> str:
    return expected.replace("'", "")


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return str(value)[:60]
