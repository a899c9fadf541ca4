"""What a scalar stands for: YAML 1.2's core schema, without the spellings that YAML 1.1 reads differently.

Source: YAML 1.2.2, section 10.3.2 (the core schema), and YAML 1.1's types for what is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SparxError, quoted
from sparx_dsl.errors.escape import unsafe_pattern
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits

Scalar = str | int | float | bool | None

MAX_DIGITS: Final = 18
"""Digits of an integer; every number below 10¹⁸ fits into 64 bits."""

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_OLD_BOOLEANS: Final[dict[str, str]] = {
    **dict.fromkeys(("y", "yes", "on"), "true"),
    **dict.fromkeys(("n", "no", "off"), "false"),
}
_USUAL: Final = re.compile(rf"(?:0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(\.[0-9]{{1,{MAX_DIGITS}}})?")
"""A number that all readers of YAML take for the same one, and that is within the limits."""
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO: Final = re.compile(r"([-+]?)0+([0-9]+)")
_OCTAL_DIGITS: Final = re.compile(r"[0-7]{1,20}")
_UNDERSCORE_BASE: Final = re.compile(r"[-+]?0[xob][0-9a-fA-F_]+")
_SIGNED_BASE: Final = re.compile(r"[-+]0(?:x[0-9a-fA-F]+|o[0-7]+)|[-+]?0b[01]+")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?")


def resolve_scalar(text: str, plain: bool) -> Scalar:
    """The value of a scalar whose text this is; ``plain`` means that it was written without quotes.

    Raises ``SparxError``, without a place, where YAML's versions disagree on the text (SPX010) or the number
    is out of range (SPX016).
    """
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0] in "+-.0123456789_" or text.lower() in _OLD_BOOLEANS):
        return text
    if usual := _USUAL.fullmatch(text):
        return int(text) if usual[1] is None else float(text)
    refuse_ambiguous(text)
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _finite(float(text), text)
    if _NOT_FINITE.fullmatch(text):
        raise _out_of_range(f"{text} is not a finite number")
    return text


def refuse_ambiguous(text: str) -> None:
    """Raise ``SparxError`` (SPX010) for a plain text that YAML 1.1 reads differently."""
    if text.lower() in _OLD_BOOLEANS and text in (text.lower(), text.upper(), text.capitalize()):
        raise _ambiguous(text, "a boolean in YAML 1.1 and text in YAML 1.2", _OLD_BOOLEANS[text.lower()])
    if zero := _LEADING_ZERO.fullmatch(text):
        differs = _OCTAL_DIGITS.fullmatch(zero[2]) and int(zero[2], 8) != int(zero[2])
        octal = f" ({zero[1]}{int(zero[2], 8)} if octal is meant)" if differs else ""
        raise _ambiguous(text, "octal or text in YAML 1.1 and decimal in YAML 1.2", _modern(text) + octal)
    if _is_number_with_underscores(text) or _SIGNED_BASE.fullmatch(text):
        raise _ambiguous(text, "a number to some YAML readers and text to others", _modern(text))
    if _BASE_60.fullmatch(text):
        raise _ambiguous(text, "a number in base 60 in YAML 1.1 and text in YAML 1.2", _modern(text))
    if _DATE.fullmatch(text):
        raise _ambiguous(text, "a date in YAML 1.1 and text in YAML 1.2", None)


def _is_number_with_underscores(text: str) -> bool:
    """Whether the text would be a number but for underscores after its first character."""
    if "_" not in text or text.startswith("_"):
        return False
    bare = text.replace("_", "")
    numbers = (_INTEGER, _FLOAT, _LEADING_ZERO)
    return any(number.fullmatch(bare) for number in numbers) or _UNDERSCORE_BASE.fullmatch(text) is not None


def _modern(text: str) -> str:
    """How to write a number of an old spelling so that all versions agree."""
    bare = text.replace("_", "")
    if zero := _LEADING_ZERO.fullmatch(bare):
        bare = zero[1] + (zero[2].lstrip("0") or "0")
    return bare if _INTEGER.fullmatch(bare) or _FLOAT.fullmatch(bare) else "the number in decimal"


def check_scalar(value: Scalar, limits: Limits = DEFAULT_LIMITS) -> Diagnostic | None:
    """What is wrong with a value from anywhere: its size (SPX016, SPX017) or its characters (SPX015)."""
    if isinstance(value, str):
        return _check_text(value, limits)
    if isinstance(value, float) and not math.isfinite(value):
        return Diagnostic(Code.INVALID_NUMBER, f"{value} is not a finite number", help="write a finite number")
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        return _too_many_digits()
    return None


def describe_character(character: str) -> str:
    """A character's code point and name, such as ``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    surrogate = unicodedata.category(character) == "Cs"
    name = "lone surrogate" if surrogate else unicodedata.name(character, "control character")
    return f"U+{ord(character):04X} {name}"


def _check_text(value: str, limits: Limits) -> Diagnostic | None:
    """What is wrong with a text value."""
    if len(value) > limits.scalar_length:
        message = f"this text has {len(value)} characters; at most {limits.scalar_length} are read"
        return Diagnostic(Code.VALUE_TOO_LONG, message, help="shorten it")
    # What Python can print is safe, and is found so several times as fast.
    if not value.isprintable() and (unsafe := unsafe_pattern("\t\n").search(value)):
        return Diagnostic(
            Code.CONTROL_CHARACTER, f"the value contains {describe_character(unsafe[0])}", help="remove the character"
        )
    return None


def _integer(text: str) -> int:
    """The integer; the length is checked first, for Python refuses to read thousands of digits."""
    digits = text.lstrip("+-")
    if len(digits) > 4 * MAX_DIGITS:
        raise SparxError(_too_many_digits())
    value = int(text, 0)
    if abs(value) >= 10**MAX_DIGITS:
        raise SparxError(_too_many_digits())
    return value


def _finite(value: float, text: str) -> float:
    """The fraction, if a float can hold it."""
    if math.isfinite(value):
        return value
    raise _out_of_range(f"{quoted(text)} does not fit into a float")


def _too_many_digits() -> Diagnostic:
    """The error of an integer beyond the limit."""
    return Diagnostic(
        Code.INVALID_NUMBER, f"this integer has more than {MAX_DIGITS} digits", help="write a smaller number"
    )


def _out_of_range(message: str) -> SparxError:
    """The error of a fraction that is not finite."""
    return SparxError(Diagnostic(Code.INVALID_NUMBER, message, help="write a finite number"))


def _ambiguous(text: str, meanings: str, instead: str | None) -> SparxError:
    """The error of a spelling with two meanings; ``instead`` is the value that was probably meant."""
    shown = quoted(text)
    advice = f"quote it: {shown}" if instead is None else f"write {quoted(instead)[1:-1]}, or quote it: {shown}"
    return SparxError(Diagnostic(Code.AMBIGUOUS_VALUE, f"{shown[1:-1]} is {meanings}", help=advice))
