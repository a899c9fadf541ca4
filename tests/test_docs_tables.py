"""The tables of docs/language.md name every key with its values and default, as the models have them today.

After a change that is right, ``python -m pytest tests/test_docs_tables.py --update-golden`` writes them anew.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from pydantic import BaseModel

import sparx_dsl
from sparx_dsl.errors.catalogue import text as text_codes
from sparx_dsl.kind import Kind
from sparx_dsl.language import models
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import KindRegistry, builtin_kinds
from tests.support.golden_text import Golden
from tests.support.markdown import Block
from tests.support.pages import PAGES, PLAIN

TABLE = re.compile(r"^<!-- table: (?P<what>.+?) -->\n\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)

SECTIONS: Mapping[Role, str] = {
    "stem": "[stem](#stems)",
    "downsample": "[downsampling](#downsamplings)",
    "mixer": "[mixer](#mixers)",
    "fusion": "[fusion](#fusions)",
    "ffn": "[feed-forward network](#feed-forward-networks)",
    "head": "[head](#heads)",
}
"""How a table of keys points to the kinds of a role."""

PLAIN_TABLES = ("Spec", "InputOptions", "Stage", "LayerOptions", "LinkEdits", "Link", "Budget")
"""The models that are no options of a kind."""

SCANS = ("ss2d", "ssm", "bi_ssm", "local_ss2d", "atrous_ss2d", "continuous_ss2d")
"""The mixers whose options in common are one table."""
SHARED = ("state", "expand", "rank", "conv", "gate", "bias")
"""Those options."""

STAGE_DEFAULTS = {"M": "all", "cross_stage": "first", "intra": "since_last"}
"""What a stage with ganglion layers does where the key is not given; the models write None."""


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, with the definitions that it refers to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # defaults that JSON cannot say
        return model.model_json_schema(by_alias=True)


def in_words(schema: Mapping[str, Any]) -> str:
    """The values that a part of a JSON Schema admits, as the pages write them."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(in_words(branch) for branch in schema["anyOf"] if branch.get("type") != "null")
    match schema.get("type"):
        case "integer":
            return f"{schema['minimum']} to {schema['maximum']}" if "maximum" in schema else "integer"
        case "number":
            top = f"{schema['maximum']:g}" if "maximum" in schema else f"below {schema['exclusiveMaximum']:g}"
            return f"number, {schema['minimum']:g} to {top}"
        case "boolean":
            return "`true`, `false`"
        case "string" if "examples" in schema:
            return f"amount such as `{schema['examples'][0]}`"
        case "string":
            return "name of a node" if r"\." in schema["pattern"] else "name"
        case "array" if "prefixItems" in schema:
            return f"two numbers, {in_words(schema['prefixItems'][0])}"
        case "array":
            count = f"{schema['minItems']} to {schema['maxItems']} " if "maxItems" in schema else ""
            item = in_words(schema["items"])
            if item in ("mapping", "name"):
                return f"list of {count if item == 'mapping' else ''}{item}s"
            return f"list of numbers, {item}"
        case _:
            return "mapping"


def written(value: object) -> str:
    """A default as a spec would write it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, KindOptions):
        return f"`{{kind: {value.kind}}}`"
    if isinstance(value, tuple) and value:
        items = [*cast("tuple[object, ...]", value)]
        return f"`{items[0]}`" if len(set(items)) == 1 else f"`{items}`"
    return "none" if value is None or value == () or isinstance(value, BaseModel | Mapping) else f"`{value}`"


def key_rows(model: type[BaseModel], defaults: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """For each key of a model: its values and its default, in words."""
    schema = schema_of(model)["properties"]
    rows: dict[str, tuple[str, str]] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        slot = next((mark.role for mark in field.metadata if hasattr(mark, "role")), None)
        given = field.get_default(call_default_factory=True, validated_data={})
        default = "required" if field.is_required() else written(defaults.get(key, given))
        rows[key] = (in_words(schema[key]) if slot is None else f"a {SECTIONS[slot]}", default)
    return rows


def _default(field: dataclasses.Field[object]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def layer_defaults() -> dict[str, object]:
    """What a layer is made of where no level says."""
    fields = {field.name: _default(field) for field in dataclasses.fields(LayerSettings) if field.init}
    return {**fields, "layer_scale": "none", "mixer": None}


def expected_rows(what: str) -> dict[str, tuple[str, ...]]:
    """The cells, without the meaning, of the table that a page marks with ``what``."""
    if what == "limits":
        fields = dataclasses.fields(sparx_dsl.Limits)
        return {field.name: (f"{field.default:,}",) for field in fields}
    if what in PLAIN_TABLES:
        defaults = {"Stage": STAGE_DEFAULTS, "LayerOptions": layer_defaults()}.get(what, {})
        return dict(key_rows(getattr(models, {"Spec": "SpecModel"}.get(what, what)), defaults))
    if what == "scans":
        return dict(scan_rows())
    role, _, name = what.partition(" ")
    kind = KindRegistry(builtin_kinds()).find(role, name)  # pyright: ignore[reportArgumentType]
    assert kind is not None
    return own_rows(kind)


def own_rows(kind: Kind) -> dict[str, tuple[str, ...]]:
    """The options of a kind that its own table has: all, but for those that scans have in common."""
    elsewhere = {"kind", *(SHARED if kind.role == "mixer" and kind.name in SCANS else ())}
    return {key: cells for key, cells in key_rows(kind.load_options(), {}).items() if key not in elsewhere}


def scan_rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each shared option the values that there are in any kind, and the default of each."""
    tables = [key_rows(kind.load_options(), {}) for kind in builtin_kinds() if kind.name in SCANS]
    for key in SHARED:
        cells = [table.get(key) for table in tables]
        values = dict.fromkeys(cell[0] for cell in cells if cell is not None)
        yield key, (" or ".join(values), *("–" if cell is None else cell[1] for cell in cells))


def rewritten_table(match: Block) -> str:
    """A table with its cells as they are today, every row keeping the meaning that it has."""
    head, line, *rows = match["rows"].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    meanings = {row[0].strip("`"): row[-1] for row in cells}
    today = expected_rows(match["what"])
    lines = [" | ".join((f"| `{key}`", *today[key], meanings.get(key, ""))) + " |" for key in today]
    return f"<!-- table: {match['what']} -->\n\n" + "\n".join([head, line, *lines]) + "\n"


def test_tables_name_every_key_with_its_values_and_default(golden: Golden) -> None:
    """Every row of a table of keys is what the models say; only the meaning is written by hand."""
    page = PAGES["language"]
    today = TABLE.sub(rewritten_table, page.read_text(encoding="utf-8"))
    dataclasses.replace(golden, path=page).check(today)
    assert "|  |" not in today, "a key has no meaning yet"


def test_the_table_of_scans_names_the_mixers() -> None:
    """In the order of their defaults, which is that of the built-in kinds."""
    assert [kind.name for kind in builtin_kinds() if kind.name in SCANS] == [*SCANS]
    columns = "".join(f" `{name}` |" for name in SCANS)
    assert f"\n| option | values |{columns} meaning |\n" in PAGES["language"].read_text(encoding="utf-8")


def test_every_model_and_kind_has_its_table() -> None:
    """The language reference leaves no set of keys and no kind out."""
    marked = [match["what"] for match in TABLE.finditer(PAGES["language"].read_text(encoding="utf-8"))]
    kinds = [f"{kind.role} {kind.name}" for kind in builtin_kinds() if own_rows(kind)]
    assert sorted(marked) == sorted([*PLAIN_TABLES, "limits", "scans", *kinds])


@pytest.mark.parametrize("kind", list(builtin_kinds()), ids=lambda kind: f"{kind.role}-{kind.name}")
def test_every_kind_has_a_heading(kind: Kind) -> None:
    """Each kind, also one without options, is described under its name, below its role."""
    text = PAGES["language"].read_text(encoding="utf-8")
    title = SECTIONS[kind.role][1:].partition("]")[0].capitalize() + "s"
    section = text.split(f"\n### {title}\n")[1].split("\n### ")[0]
    assert f"\n**`{kind.name}`**" in section


def test_defaults_of_a_stage() -> None:
    """M, cross_stage and intra mean what the table says where they are left out."""
    given = [{"channels": 32, "depth": 9, "S": 2, **keys} for keys in ({}, STAGE_DEFAULTS)]
    bare, full = (sparx_dsl.connect({**PLAIN, "stages": [stage]}) for stage in given)
    assert bare.edges == full.edges


def refused() -> list[tuple[str, str]]:
    """The texts that the language reference shows as refused, and their codes."""
    page = PAGES["language"].read_text(encoding="utf-8")
    return re.findall(r"^\| `([^|]+)` \| (SPX0\d\d) \|", page, re.MULTILINE)


@pytest.mark.parametrize(("text", "code"), refused())
def test_refused_yaml_is_refused(text: str, code: str) -> None:
    """What the reference shows as refused YAML earns the code beside it."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(re.sub(" ?⏎ ?", "\n", text))
    assert caught.value.diagnostics[0].code == code


def test_every_code_of_the_text_is_in_the_reference() -> None:
    """The section on YAML names each code that the text of a spec can earn."""
    page = PAGES["language"].read_text(encoding="utf-8")
    assert [entry.code for entry in text_codes.ENTRIES if entry.code not in page] == []
