"""Trees of nodes: Python data and back, walks along key paths, and patches."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.errors import SparxError, Where
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.merge import merge_patch
from sparx_dsl.reader.tree import MappingNode, Node, locate, node_of, plain

TEXT = """\
name: base
stem: {kind: conv, conv: 1, convs: 3}
stages:
  - name: deep
    depth: 2
  - {channels: 64, S: 2}
layers:
  3: {a: 1}
  "4": 漢字
"""
ROOT = compose(TEXT, "base.yaml")

words = st.text(alphabet="abc", min_size=1, max_size=2)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | words
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=12
)
mappings = st.dictionaries(
    words, st.recursive(scalars, lambda inner: st.dictionaries(words, inner, max_size=3), max_leaves=12), max_size=4
)


def place(*path: str | int, key: bool = False) -> tuple[str, str]:
    """The path and the text to which ``locate`` leads in ``TEXT``."""
    where = locate(ROOT, path, key=key)
    assert where.span is not None
    line = TEXT.splitlines()[where.span.line - 1]
    assert where.span.end_line == where.span.line
    return where.path, line[where.span.column - 1 : where.span.end_column - 1]


def merged(base: object, patch: object) -> Any:
    """What ``merge_patch`` gives, as plain data."""
    return plain(merge_patch(node_of(base), node_of(patch)))


def rfc7386(target: Any, patch: Any) -> Any:
    """The pseudo-code of RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = rfc7386(result.get(name), value)
    return result


def code_of(data: object, limits: Limits | None = None) -> tuple[str, str]:
    """The code and the path of the one mistake in Python data."""
    with pytest.raises(SparxError) as caught:
        node_of(data, None, limits or Limits())
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code, diagnostic.where.path


@given(documents)
def test_plain_undoes_node_of(data: object) -> None:
    """Python data survives, types included."""
    assert repr(plain(node_of(data))) == repr(data)


def test_tuples_and_whole_number_keys_are_read() -> None:
    """A tuple is a list, and 3 is a key."""
    assert plain(node_of({3: ("a", 1)})) == {3: ["a", 1]}


def test_what_yaml_does_not_have_is_refused() -> None:
    """Every mistake has its code and its path."""
    endless: list[object] = []
    endless.append([endless])
    assert code_of({"a": [1, {2}]}) == ("SPX019", "a.2")
    assert code_of({"a": b"x"}) == ("SPX019", "a")
    assert code_of({"a": endless}) == ("SPX019", "a.1.1")
    assert code_of({"a": math.nan}) == ("SPX016", "a")
    assert code_of({"a": 10**18}) == ("SPX016", "a")
    assert code_of({"a": "\x1b"}) == ("SPX015", "a")
    assert code_of({True: 1})[0] == "SPX011"
    assert code_of({None: 1})[0] == "SPX011"
    assert code_of({1: 1, "1": 1})[0] == "SPX009"
    assert code_of([[[1]]], Limits(depth=2)) == ("SPX002", "1.1")
    assert code_of({"a": "aaaaa"}, Limits(scalar_length=4)) == ("SPX017", "a")


def test_data_that_is_shared_many_times_is_refused_by_count() -> None:
    """Nine lists of ten references each are a billion values."""
    bomb: object = "x"
    for _ in range(9):
        bomb = [bomb] * 10
    assert code_of(bomb)[0] == "SPX003"


def test_walks_lead_to_values_and_keys() -> None:
    """List indices are 0-based in a loc and 1-based in the path; whole-number keys match in either type."""
    assert place("name") == ("name", "base")
    assert place("name", key=True) == ("name", "name")
    assert place("stages", 1, "S") == ("stages.2.S", "2")
    assert place("stages", 1, "S", key=True) == ("stages.2.S", "S")
    assert place("layers", 3, "a") == place("layers", "3", "a") == ("layers.3.a", "1")
    assert place("layers", 4) == place("layers", "4") == ("layers.4", "漢字")
    assert place("layers", 4, key=True) == ("layers.4", '"4"')


def test_collections_are_marked_on_one_line() -> None:
    """A block collection's place is its first line, up to the end of what is first; brackets on one line are whole."""
    assert place("stages") == ("stages", "- name")
    assert place("stages", 0) == place("stages", 0, key=True) == ("stages.1", "name")
    assert place("stages", 1) == ("stages.2", "{channels: 64, S: 2}")
    assert place() == place(key=True) == ("", "name")


def test_parts_that_are_not_in_the_text_are_skipped() -> None:
    """Tags, missing keys and missing items leave the walk where it stands."""
    assert place("stem", "patch", "convs") == ("stem.convs", "3")
    assert place("stem", "conv", "convs") == ("stem.convs", "3")
    assert place("stem", "conv", "conv") == place("stem", "conv") == ("stem.conv", "1")
    assert place("stages", 7, "depth") == place("stages", -1) == ("stages", "- name")
    assert place("stages", 0, "missing", key=True) == ("stages.1", "name")
    assert place("stem", "missing", key=True) == ("stem", "stem")
    assert locate(node_of({"a": 1}), ("a",)) == Where("a")


@given(mappings, mappings)
def test_mappings_without_kinds_and_lists_merge_as_the_rfc_says(base: object, patch: object) -> None:
    """RFC 7386's own pseudo-code is the oracle."""
    assert merged(base, patch) == rfc7386(base, patch)


@given(mappings, mappings)
def test_a_patch_laid_on_twice_is_laid_on_once(base: object, patch: object) -> None:
    """Merging is idempotent."""
    assert merged(merged(base, patch), patch) == merged(base, patch)


@given(documents.filter(lambda data: isinstance(data, dict | list)))
def test_an_empty_patch_changes_nothing(base: object) -> None:
    """``{}`` is the identity on mappings and lists."""
    assert merged(base, {}) == base


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.data())
def test_items_are_changed_by_their_number_before_the_patch(items: list[int], data: st.DataObject) -> None:
    """Each number means the item that it meant before any was taken away; the last and one more appends."""
    numbers = data.draw(st.lists(st.integers(1, len(items)), unique=True))
    values = data.draw(st.lists(st.none() | st.integers(10, 19), min_size=len(numbers), max_size=len(numbers)))
    patch = dict(zip(numbers, values, strict=True))
    kept = [patch.get(number, item) for number, item in enumerate(items, 1)]
    expected = [item for item in kept if item is not None]
    assert merged(items, patch) == expected
    assert merged(items, {**patch, len(items) + 1: 99, len(items) + 2: 98}) == [*expected, 99, 98]


def test_items_are_changed_by_their_name() -> None:
    """A name finds its item, also one made of digits; a quoted number is a number where no item has that name."""
    base = [{"name": "deep", "S": 1}, {"name": "3", "S": 2}, {"S": 3}]
    assert merged(base, {"deep": {"S": 9}})[0] == {"name": "deep", "S": 9}
    assert merged(base, {"deep": None}) == base[1:]
    assert merged(base, {"3": {"S": 9}})[1]["S"] == 9
    assert merged(base, {3: {"S": 9}})[2] == {"S": 9}
    assert merged(base, {"2": {"S": 9}})[1]["S"] == 9
    assert merged(base, {4: {"S": 9, "M": None}})[3] == {"S": 9}


def test_another_kind_replaces_the_whole_mapping() -> None:
    """Options of the old kind do not stay behind; of the same kind, or without a kind in the patch, they do."""
    base = {"mixer": {"kind": "ss2d", "conv": 5}}
    assert merged(base, {"mixer": {"kind": "ssm", "gate": True, "bias": None}}) == {
        "mixer": {"kind": "ssm", "gate": True}
    }
    assert merged(base, {"mixer": {"kind": "ss2d", "bias": True}}) == {
        "mixer": {"kind": "ss2d", "conv": 5, "bias": True}
    }
    assert merged(base, {"mixer": {"bias": True}}) == {"mixer": {"kind": "ss2d", "conv": 5, "bias": True}}
    assert merged(base, {"mixer": {"kind": None}}) == {"mixer": {"conv": 5}}
    assert merged({"mixer": {"conv": 5}}, {"mixer": {"kind": "ssm"}}) == {"mixer": {"conv": 5, "kind": "ssm"}}


@pytest.mark.parametrize(
    ("patch", "line", "column", "path", "help_text"),
    [
        ("stages:\n  7: {S: 1}\n", 2, 3, "stages.7", "items 1 to 2 exist, with the names deep; 3 appends one"),
        ("stages:\n  0: {S: 1}\n", 2, 3, "stages.0", "items 1 to 2 exist, with the names deep; 3 appends one"),
        (
            "stages:\n  1: {S: 1}\n  dep: {S: 1}\n",
            3,
            3,
            "stages.dep",
            "items 1 to 2 exist, with the names deep; 3 appends one",
        ),
        ("stages: {3: null}\n", 1, 10, "stages.3", "items 1 to 2 exist, with the names deep; 3 appends one"),
    ],
)
def test_a_key_of_no_item_is_a_mistake(patch: str, line: int, column: int, path: str, help_text: str) -> None:
    """It is reported at the key in the patch, with what there is."""
    with pytest.raises(SparxError) as caught:
        merge_patch(ROOT, compose(patch, "patch.yaml"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "SPX107"
    assert (str(diagnostic.where), diagnostic.where.path) == (f"patch.yaml:{line}:{column}", path)
    assert diagnostic.help == help_text


def test_every_part_keeps_its_own_place() -> None:
    """What comes from the base points into the base, what comes from the patch into the patch."""
    patch = compose("stages: {1: {depth: 5}}\nstem:\n  convs: 4\n", "patch.yaml")
    root = merge_patch(ROOT, patch)
    assert str(locate(root, ("stages", 0, "depth"))) == "patch.yaml:1:21"
    assert str(locate(root, ("stages", 0, "name"))) == "base.yaml:4:11"
    assert str(locate(root, ("stages", 1, "S"))) == "base.yaml:6:23"
    assert str(locate(root, ("stem", "convs"), key=True)) == "patch.yaml:3:3"
    assert str(locate(root, ("name",))) == "base.yaml:1:7"


def test_entries_are_found_by_either_type_of_key() -> None:
    """3 and "3" are one key."""
    node: Node = node_of({3: 1, "4": 2})
    assert isinstance(node, MappingNode)
    assert [entry is not None for entry in map(node.entry, (3, "3", 4, "4", 5))] == [True, True, True, True, False]
