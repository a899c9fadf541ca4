"""Amounts such as ``30M`` and ``2GiB``: read, written, shown, and recognised in other words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.reader.quantities import read_quantity, show_quantity, similar_quantity, write_quantity


@pytest.mark.parametrize(
    ("text", "of_bytes", "amount"),
    [
        ("30M", False, 30_000_000), ("5.5G", False, 5_500_000_000), ("2GiB", True, 2**31), ("1.5 KiB", True, 1536),
        (7, True, 7), ("7", False, 7), ("0.1M", False, 100_000), ("2GiB", False, None), ("3e9", False, None),
        ("-1", False, None), (-1, False, None), (True, False, None), ("1M*2", False, None), (1.5, False, None),
        ("9" * 30, False, None), ("٣M", False, None),
    ],
)  # fmt: skip
def test_amounts_are_read_exactly_or_not_at_all(text: object, of_bytes: bool, amount: int | None) -> None:
    """Units are powers of 1000, or of 1024 with an i; nothing else is an amount."""
    assert read_quantity(text, of_bytes=of_bytes) == amount


@given(st.integers(1, 10**17), st.booleans())
def test_amounts_are_written_exactly(amount: int, of_bytes: bool) -> None:
    """What is written of an amount reads as that amount."""
    assert read_quantity(write_quantity(amount, of_bytes=of_bytes), of_bytes=of_bytes) == amount


@pytest.mark.parametrize(
    ("amount", "of_bytes", "text"),
    [(30_000_000, False, "30M"), (5_500_000_000, False, "5.5G"), (2**31, True, "2GiB"), (1536, True, "1.5KiB"),
     (1_500_000, True, "1.5MB"), (12_345_678, False, 12_345_678), (999, False, 999), (10**15, False, "1000T")],
)  # fmt: skip
def test_amounts_are_written_as_people_do(amount: int, of_bytes: bool, text: str | int) -> None:
    """In the largest unit that leaves two decimals or less, else as a number."""
    assert write_quantity(amount, of_bytes=of_bytes) == text


@given(st.integers(0, 10**17), st.booleans())
def test_an_amount_is_shown_to_four_digits(amount: int, of_bytes: bool) -> None:
    """With the largest unit that leaves one or more, so that it reads as an amount that differs by no more."""
    text = show_quantity(amount, of_bytes=of_bytes)
    shown = read_quantity(text, of_bytes=of_bytes)
    assert shown is not None
    assert abs(shown - amount) <= max(amount / 2000, 1)
    assert text.isdecimal() == (amount < (1024 if of_bytes else 1000))
    assert not text.startswith("0") or amount == 0


@pytest.mark.parametrize(
    ("amount", "of_bytes", "text"),
    [
        (0, True, "0"), (1023, True, "1023"), (1024, True, "1KiB"), (3 * 2**29, True, "1.5GiB"),
        (2**54, True, "16384TiB"), (27_934_240, False, "27.93M"), (999_999, False, "1000K"), (10**12, False, "1T"),
        (98_765 * 10**11, False, "9876T"),
    ],
)  # fmt: skip
def test_an_amount_is_shown_as_people_do(amount: int, of_bytes: bool, text: str) -> None:
    """Without zeros behind the point, and never with an exponent."""
    assert show_quantity(amount, of_bytes=of_bytes) == text


@pytest.mark.parametrize(
    ("text", "of_bytes", "meant"),
    [
        ("5 GMACs", False, "5G"), ("5e9", False, "5G"), ("5'000'000", False, "5M"), ("1_500", False, "1.5K"),
        ("1 234", False, "1234"), ("5 million macs", False, "5M"), ("2 gib", True, "2GiB"), ("2G", True, "2GiB"),
        ("64 mb", True, "64MB"), ("2e3 b", True, "2000B"), ("512", True, "512"),
        ("5 GB", False, None), ("5 MiB", False, None), ("0G", False, None), ("0.5", False, None),
        ("5e17T", False, None),
        ("999999T", False, "999999T"), ("1000000T", False, None), ("5 GMACs", True, None), ("5 words", True, None),
        ("5 \u212a", False, None), ("many", False, None), ("", True, None),
    ],
)  # fmt: skip
def test_an_amount_in_other_words_is_recognised(text: str, of_bytes: bool, meant: str | None) -> None:
    """And what is another unit, nothing at all, or beyond what a spec holds, is not guessed at."""
    assert similar_quantity(text, of_bytes=of_bytes) == meant


@given(st.text(alphabet="0123456789.,e KMGTibBacs\u212a\u017f", max_size=24), st.booleans())
def test_what_is_advised_is_an_amount(text: str, of_bytes: bool) -> None:
    """Whatever was written."""
    advised = similar_quantity(text, of_bytes=of_bytes)
    assert advised is None or read_quantity(int(advised) if advised.isdecimal() else advised, of_bytes=of_bytes)
