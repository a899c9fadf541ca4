"""Specs, edits and spaces from the values of other libraries: OmegaConf's configurations, numpy's numbers, any type."""

from __future__ import annotations

from collections import OrderedDict, UserDict, UserList
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import omegaconf
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.tree import node_of, plain
from tests.support.diagnostics import codes

SPEC: dict[str, Any] = {
    "sparx": 1,
    "name": "given",
    "stem": {"kind": "conv"},
    "layer": {"mixer": {"kind": "ss2d"}, "ffn": {"kind": "conv"}},
    "stages": [{"channels": 16, "depth": 3, "ganglion": [1, 3]}, {"channels": 24, "depth": 2, "S": 2}],
    "drop_path": 0.5,
}

words = st.text(alphabet="abc", min_size=1, max_size=2)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, -0.25, 2.0]) | words
documents = st.dictionaries(
    words,
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=12
    ),
    max_size=3,
)


def wrapped(data: Any, number: int) -> object:
    """The same data in the types of other libraries; which of them, the number says."""
    if isinstance(data, dict):
        entries = enumerate(cast("dict[str, Any]", data).items())
        inner = {key: wrapped(value, number + place) for place, (key, value) in entries}
        return (UserDict(inner), MappingProxyType(inner), OrderedDict(inner))[number % 3]
    if isinstance(data, list):
        items = [wrapped(value, number + place) for place, value in enumerate(cast("list[Any]", data))]
        return (UserList(items), tuple(items))[number % 2]
    if isinstance(data, bool | str | None):
        return data
    if isinstance(data, int):
        return (np.int64(data), np.int8(data), Fraction(data) if number > 100 else np.int32(data))[number % 3]
    assert isinstance(data, float)
    return (np.float32(data), np.float64(data), Fraction(data))[number % 3]


@given(documents, st.integers(0, 8))
def test_data_of_any_types_is_that_data(data: dict[str, Any], number: int) -> None:
    """Mappings, sequences and numbers of any type give the tree of built-in ones, to the types of its values."""
    assert repr(plain(node_of(wrapped(data, number)))) == repr(data)


@given(documents)
def test_configurations_of_omegaconf_are_their_data(data: dict[str, Any]) -> None:
    """What OmegaConf makes of data is that data, nested ones included."""
    assert repr(plain(node_of(omegaconf.OmegaConf.create(data)))) == repr(data)


def test_a_spec_from_omegaconf_with_references() -> None:
    """References of the configuration are resolved by it; a spec never has any."""
    given = omegaconf.OmegaConf.create({"width": 16, "spec": SPEC})
    given.spec.stages[0].channels = "${width}"
    assert sparx_dsl.parse_spec(given.spec) == sparx_dsl.parse_spec(SPEC)
    assert sparx_dsl.cost(given.spec).params == sparx_dsl.cost(SPEC).params


@pytest.mark.parametrize("text", ["???", "${nowhere}"])
def test_a_configuration_that_cannot_be_read(text: str) -> None:
    """A value that is missing, or refers to nothing, is an error of the spec, with its place and OmegaConf's reason."""
    config = omegaconf.OmegaConf.create(SPEC)
    config.stages[1].channels = text
    with pytest.raises(SparxError, match=r"stages\.2: .* cannot be read") as caught:
        sparx_dsl.parse_spec(config)
    assert codes(caught) == ["SPX019"]


def test_edits_and_spaces_take_numbers_of_numpy() -> None:
    """Arrays of widths are searched, and points of a study are edits."""
    spec = sparx_dsl.parse_spec(SPEC)
    edited = spec.edit({"stages.1": {"ganglion": UserList([np.int64(2), 3])}, "drop_path": np.float32(0.25)})
    assert edited == spec.edit({"stages.1": {"ganglion": [2, 3]}, "drop_path": 0.25})
    choices = {"width": {"at": "stages.1.channels", "values": (np.int64(16), np.int16(32))}}
    plain_choices = {"width": {"at": "stages.1.channels", "values": [16, 32]}}
    spaces = [sparx_dsl.make_space(spec, each) for each in (choices, plain_choices)]
    found = [[space.values(point) for point in space.enumerate()] for space in spaces]
    assert found[0] == found[1] == [{"width": 16}, {"width": 32}]


class Endless(Sequence[Any]):
    """A sequence that says it is short, and is not."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, place: Any) -> Any:
        return 1

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


class Failing(UserDict[str, int]):
    """A mapping that fails half-way."""

    def __iter__(self) -> Iterator[str]:
        yield "a"
        raise RuntimeError("the server is gone")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (np.zeros(2), "SPX019"),
        (np.bool_(True), "SPX019"),
        (Decimal("0.5"), "SPX019"),
        (bytearray(b"a"), "SPX019"),
        (memoryview(b"a"), "SPX019"),
        (Failing({"a": 1}), "SPX019"),
        (np.float64("nan"), "SPX016"),
        (Fraction(10**400, 3), "SPX016"),
        (Endless(), "SPX003"),
    ],
)
def test_what_is_none_of_these_is_refused(value: object, code: str) -> None:
    """With its place, whatever it does when it is read; an array is not guessed at."""
    with pytest.raises(SparxError) as caught:
        node_of({"a": value}, limits=Limits(nodes=1000))
    assert [(each.code, each.where.path) for each in caught.value.diagnostics] == [(code, "a")] or (
        code == "SPX003" and codes(caught) == [code]
    )
