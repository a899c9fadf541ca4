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
    """An amount for people, with three digits or more: ``27.9M``, ``1.50GiB``."""
    units = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30} if of_bytes else COUNT_UNITS
    unit = max((name for name in units if units[name] <= max(amount, 1)), key=lambda name: units[name])
    return f"{amount}" if unit == "" else f"{amount / units[unit]:.4g}{unit}"
