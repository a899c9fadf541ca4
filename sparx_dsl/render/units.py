"""Numbers with units as people read them: ``1.20 MiB``, ``27.1 M``, ``5.2 G``."""

from __future__ import annotations

BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
DECIMAL = ("", "k", "M", "G", "T")


def binary_bytes(count: int) -> str:
    """Bytes in powers of 1024 with two decimals: ``1.20 MiB``; whole below 1 KiB: ``512 B``."""
    value, unit = _scaled(count, 1024, BINARY, 2)
    return f"{value:.2f} {unit}" if unit != "B" else f"{count} B"


def decimal_count(count: int) -> str:
    """A count (parameters, MACs) in powers of 1000 with one decimal: ``27.1 M``; whole below 1000."""
    value, unit = _scaled(count, 1000, DECIMAL, 1)
    return f"{value:.1f} {unit}" if unit else str(count)


def exact_count(count: int) -> str:
    """A count with three decimals, for what is compared: ``5.294 G``; whole below 1000."""
    value, unit = _scaled(count, 1000, DECIMAL, 3)
    return f"{value:.3f} {unit}" if unit else str(count)


def exact_bytes(count: int) -> str:
    """Bytes in powers of 1024 with three decimals, for what is compared: ``2.871 MiB``; whole below 1 KiB."""
    value, unit = _scaled(count, 1024, BINARY, 3)
    return f"{value:.3f} {unit}" if unit != "B" else f"{count} B"


def signed_percent(part: float) -> str:
    """A change as percent of what was: ``+1.3 %``; ``=`` where there is none."""
    return f"{100 * part:+.1f} %".replace("-", "−") if part else "="


def duration(seconds: float) -> str:
    """A time in the unit that fits: ``850 µs``, ``12.3 ms``, ``4.21 s``."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def percent(part: float) -> str:
    """A part of one as percent: ``98.4 %``."""
    return f"{100 * part:.1f} %"


def share(part: int, whole: int) -> str:
    """One number as percent of another: ``98.4 %``; of nothing: ``–``."""
    return percent(part / whole) if whole else "–"


def _scaled(count: int, base: int, units: tuple[str, ...], decimals: int) -> tuple[float, str]:
    """The value in the largest unit in which it is at least 1, once rounded."""
    value = float(count)
    for unit in units[:-1]:
        if round(abs(value), decimals) < base:
            return value, unit
        value /= base
    return value, units[-1]
