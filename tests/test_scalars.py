"""What scalars stand for: YAML 1.2's core schema, with ruamel.yaml as the oracle, and the spellings refused."""

from __future__ import annotations

import math
import re
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.errors.escape import unsafe_pattern
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.scalars import check_scalar, resolve_scalar

ACCEPTED = [
    "~", "null", "Null", "NULL", "nUll", "true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "fALSE",
    "0", "-0", "+0", "1", "+1", "-1", "12", "-345", "999999999999999999", "0o7", "0o10", "0o8", "0o", "0x1F",
    "0xfF", "0xG", "0x", "1.", "1.5", ".5", "-.5", "+.5", "1e3", "1E3", "1e+3", "1e-3", "1.e3", "-2E+05",
    "12e03", "01.5", "1e03", "0.0", "-0.0", "0e0", "1e", "e3", ".", "..", "+", "--1", "1.2.3", "1a", "a1",
    "S", "M", "abc", "yES", "nO", "oN", "1:60", "inf", "nan", "NaN", "Infinity", ".Infinity", "+.nan",
    "_1", "_", "__", "2024-01", "v1.0", "1-2", "٣", "½", "a_b", "x10", "1,000", "0.5.0", "+e1",
    "-.e1", "0xx", "00x",
]  # fmt: skip

REFUSED = {
    "yes": "true", "Yes": "true", "YES": "true", "no": "false", "No": "false", "on": "true", "On": "true",
    "off": "false",
    "OFF": "false", "y": "true", "Y": "true", "n": "false", "N": "false",
    "010": "10 (8 if octal is meant)", "-010": "-10 (-8 if octal is meant)", "00": "0", "08": "8",
    "1_000": "1000", "0_10": "10", "1__0": "10", "1_0.5": "10.5", "0x_F": "0xF",
    "08_": "8", "0_E0": "0E0", "1.5e3_0": "1.5e30", "-_0": "-0",
    "0x_": "the number in decimal", "0b1": "the number in decimal", "-0x1": "the number in decimal",
    "1:30": "the number in decimal", "22:22": "the number in decimal", "1:30.5": "the number in decimal",
}  # fmt: skip

DATES = ("2024-01-01", "2024-13-45", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43")


def mistake(text: str) -> Diagnostic:
    """The one mistake that a plain scalar makes."""
    with pytest.raises(SparxError) as caught:
        resolve_scalar(text, plain=True)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def by_ruamel(text: str) -> object:
    """What ruamel.yaml reads as YAML 1.2."""
    loader = YAML(typ="safe", pure=True)
    return loader.load(f"- {text}\n")[0]


@pytest.mark.parametrize("text", ["", *ACCEPTED])
def test_an_accepted_scalar_is_what_yaml_1_2_says(text: str) -> None:
    """Value and type are ruamel's."""
    value, expected = resolve_scalar(text, plain=True), by_ruamel(text)
    assert (type(value), repr(value)) == (type(expected), repr(expected))


@pytest.mark.parametrize("text", [*ACCEPTED, *REFUSED, *DATES, "", ".inf", "9" * 5000])
def test_quotes_make_everything_text(text: str) -> None:
    """A quoted scalar is its text."""
    assert resolve_scalar(text, plain=False) == text


@pytest.mark.parametrize(("text", "instead"), REFUSED.items())
def test_an_ambiguous_scalar_is_refused_with_both_ways_out(text: str, instead: str) -> None:
    """The help says what to write, and how to quote it."""
    diagnostic = mistake(text)
    assert (diagnostic.code, diagnostic.help) == ("SPX010", f'write {instead}, or quote it: "{text}"')


@pytest.mark.parametrize("text", DATES)
def test_a_date_is_refused(text: str) -> None:
    """A date can only be meant as text."""
    diagnostic = mistake(text)
    assert (diagnostic.code, diagnostic.help) == ("SPX010", f'quote it: "{text}"')


@pytest.mark.parametrize("text", [".inf", "-.inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999", "9" * 19, "1" + "0" * 18,
"9" * 5000, "0x" + "f" * 5000,
                                  "0o" + "7" * 70, "-" + "9" * 19])  # fmt: skip
def test_a_number_out_of_range_is_refused(text: str) -> None:
    """Infinities, not-a-number and numbers of more than 18 digits never become values."""
    assert mistake(text).code == "SPX016"


@given(st.text(alphabet="0123456789+-._:eExobaFfyYnNtT~ ", max_size=12).map(str.strip))
def test_every_scalar_is_ruamels_or_refused(text: str) -> None:
    """Random number-like texts are read as ruamel reads them, or refused, and nothing else happens."""
    try:
        value = resolve_scalar(text, plain=True)
    except SparxError:
        assert mistake(text).code in ("SPX010", "SPX016")
        return
    try:
        expected: object = by_ruamel(text)
    except (YAMLError, ValueError):
        assume(False)
    assume(type(expected) not in (list, dict) and not text.startswith("- "))
    # ruamel wants a sign in the exponent of a number that starts with a dot; YAML 1.2.2, section 10.3.2, does not.
    assume(not re.fullmatch(r"[-+]?\.[0-9]+[eE][0-9]+", text))
    assert (type(value), repr(value)) == (type(expected), repr(expected))


def test_a_number_may_start_with_a_dot_and_have_an_exponent_without_sign() -> None:
    """The core schema's own pattern allows it, where ruamel.yaml does not."""
    assert resolve_scalar(".5e1", plain=True) == 5.0


@given(st.integers())
def test_whole_numbers_of_18_digits_pass(number: int) -> None:
    """The bound is exactly 10¹⁸."""
    if abs(number) < 10**18:
        assert resolve_scalar(str(number), plain=True) == number
        assert check_scalar(number) is None
    else:
        assert mistake(str(number)).code == "SPX016"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_floats_survive(number: float) -> None:
    """What Python writes for a float is read as that float."""
    value = resolve_scalar(repr(number), plain=True)
    assert isinstance(value, float)
    assert math.copysign(1, value) == math.copysign(1, number)
    assert value == number


@pytest.mark.parametrize(
    ("value", "code"),
    [("a" * 5, "SPX017"), ("a\x1bb", "SPX015"), ("\u202e", "SPX015"), ("\ud800", "SPX015"), ("a\rb", "SPX015"),
     (math.inf, "SPX016"), (math.nan, "SPX016"), (10**18, "SPX016"), (-(10**18), "SPX016")],
)  # fmt: skip
def test_values_from_anywhere_are_checked(value: str | int | float, code: str) -> None:
    """Length, characters and range are checked for Python values as for YAML."""
    diagnostic = check_scalar(value, Limits(scalar_length=4))
    assert diagnostic is not None
    assert diagnostic.code == code


def test_what_python_can_print_is_safe() -> None:
    """No character that is refused is printable, which is what texts are asked first."""
    unsafe = unsafe_pattern().findall("".join(map(chr, range(sys.maxunicode + 1))))
    assert len(unsafe) > 2048
    assert not any(map(str.isprintable, unsafe))


@pytest.mark.parametrize("value", ["a\tb\n", "漢", "", True, None, 10**18 - 1, 1e308])
def test_sound_values_pass_the_check(value: str | float | None) -> None:
    """Tabs, line breaks and wide characters are no mistake."""
    assert check_scalar(value, Limits(scalar_length=4)) is None


@pytest.mark.parametrize(
    ("piece", "code"),
    [("11", "SPX016"), ("1_", "SPX010"), ("1:", None), ("00", "SPX010"), ("++", None), ("..", None), ("1e", None)],
)
def test_a_hostile_scalar_is_read_in_linear_time(piece: str, code: str | None) -> None:
    """A megabyte of number-like text is told apart; were the time its square, this test would take hours."""
    text = piece * 2**19
    if code is None:
        assert resolve_scalar(text, plain=True) == text
    else:
        assert mistake(text).code == code
        assert len(str(mistake(text))) < 300
