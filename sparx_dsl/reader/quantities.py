"""Amounts as people write them: ``30M`` parameters, ``5.5G`` MACs, ``2GiB``. Nothing is evaluated; all is exact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

COUNT_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BYTE_UNITS: Final = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
COUNT_PATTERN: Final = r"^[0-9]{1,18}(\.[0-9]{1,9})? ?[KMGT]?$"
BYTES_PATTERN: Final = r"^[0-9]{1,18}(\.[0-9]{1,9})? ?(B|[KMGT]i?B)?$"
_SIMILAR: Final = re.compile(
    r"(?P<number>[0-9][0-9,_' ]{0,30}(?:\.[0-9]{1,9})?(?:e\+?[0-9]{1,2})?) ?(?P<prefix>[KMGT]?)"
    r"(?P<rest>[A-Z]{0,16}(?: [A-Z]{1,16})?)",
    re.IGNORECASE | re.ASCII,  # without which the sign of kelvins is a K
)
"""A number with commas or an exponent, a prefix of any case, and a word such as MACs."""
_AMOUNT: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3})")


def read_quantity(value: object, *, of_bytes: bool) -> int | None:
    """The integer that an amount stands for, rounded down; None for what is no amount.

    Parameters and MACs count in K, M, G and T (powers of 1000); bytes in B, KB to TB and KiB to TiB.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    units = BYTE_UNITS if of_bytes else COUNT_UNITS
    if found is None or found[2] not in units:
        return None
    return int(Decimal(found[1]) * units[found[2]])


def write_quantity(amount: int, *, of_bytes: bool) -> str | int:
    """An amount as a spec has it, exactly: in the largest unit that leaves two decimals or less, or as a number."""
    units = {name: unit for name, unit in (BYTE_UNITS if of_bytes else COUNT_UNITS).items() if unit > 1}
    for name, unit in sorted(units.items(), key=lambda item: -item[1]):
        if unit <= amount and amount * 100 % unit == 0:
            return f"{(Decimal(amount) / unit).normalize():f}{name}"
    return amount


def show_quantity(amount: int, *, of_bytes: bool) -> str:
    """An amount for people, to four digits: ``27.93M``, ``1.5GiB``."""
    units = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40} if of_bytes else COUNT_UNITS
    unit = max((name for name in units if units[name] <= max(amount, 1)), key=lambda name: units[name])
    shown = amount / units[unit]
    return f"{amount}" if unit == "" else f"{shown:.4g}{unit}" if shown < 9999 else f"{shown:.0f}{unit}"


def similar_quantity(text: str, *, of_bytes: bool) -> str | None:
    """The amount that a text which is none was meant as, such as ``5G`` for ``5 GMACs``; None where none is seen."""
    found = _SIMILAR.fullmatch(text.strip())
    if found is None:
        return None
    number = Decimal(re.sub("[,_' ]", "", found["number"]))
    if not number:
        return None
    prefix, rest = found["prefix"].upper(), found["rest"].lower()
    if of_bytes:
        unit = next((unit for unit in BYTE_UNITS if unit.lower() == (prefix + rest).lower()), None)
        written = f"{number.normalize():f}{unit if unit is not None else f'{prefix}iB'}"
        return None if unit is None and (rest or not prefix) else written
    if rest in ("b", "ib"):
        return None
    amount = number * COUNT_UNITS[prefix]
    return str(write_quantity(int(amount), of_bytes=False)) if 1 <= amount < 10**18 else None
