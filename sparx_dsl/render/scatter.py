"""Dots in a plane as an SVG text: what was tried, what no other beats, and the step line between these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sparx_dsl.errors.escape import visible
from sparx_dsl.render.style import FAINT, INK, LANE_LINE
from sparx_dsl.render.svg import FAMILY, NAMESPACE
from sparx_dsl.render.units import BINARY, DECIMAL

TRIED, CHOSEN = "#8fb8d6", "#d55e00"
WIDTH, HEIGHT = 380.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 14.0, 40.0, 50.0
MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One plane: two labels, the dots as (across, upward), and which of them are what."""

    across_label: str
    upward_label: str
    dots: tuple[tuple[float, float], ...]
    chosen: frozenset[int]
    """The dots that are shown as the best."""
    feasible: frozenset[int]
    """The dots that satisfy the constraints; the others are drawn as outlines."""
    more_across: bool = False
    """Whether more is better across; otherwise less is."""
    more_upward: bool = True
    bytes_across: bool = False
    """Whether the numbers across are bytes, which are shown in powers of 1024."""
    bytes_upward: bool = False
    names: tuple[str, ...] = ()
    """What is written beside each dot; nothing by default."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers and the points that it takes on the page, with its ticks."""

    low: float
    high: float
    start: float
    end: float
    step: float
    of_bytes: bool = False

    @property
    def unit(self) -> tuple[float, str]:
        """The unit that suits the whole axis: how much it is, and its name."""
        return _unit(max(abs(self.low), abs(self.high)), of_bytes=self.of_bytes)

    def at(self, value: float) -> float:
        """Where a number stands on the page, in points."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """The round numbers along the axis."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return (number * self.step for number in range(first, last + 1))


def scatter(panels: Sequence[Panel], title: str) -> str:
    """The panels in a row under a title; raises ``ValueError`` for a panel without dots."""
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="{NAMESPACE}" width="{width:g}" height="{HEIGHT:g}" viewBox="0 0 {width:g} {HEIGHT:g}" '
        f'font-family="{FAMILY}" font-size="11">',
        f"<title>{_safe(title)}</title>",
        f'<rect width="{width:g}" height="{HEIGHT:g}" fill="#ffffff"/>',
        f'<text x="{LEFT:g}" y="20" font-size="13" fill="{INK}">{_safe(title)}</text>',
    ]
    for place, panel in enumerate(panels):
        parts += _panel(panel, place * WIDTH)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, shift: float) -> Iterator[str]:
    if not panel.dots:
        raise ValueError("a panel without dots")
    across = axis([x for x, _ in panel.dots], shift + LEFT, shift + WIDTH - RIGHT, of_bytes=panel.bytes_across)
    upward = axis([y for _, y in panel.dots], HEIGHT - BOTTOM, TOP, of_bytes=panel.bytes_upward)
    yield from _frame(panel, across, upward)
    line = front_line(panel)
    if len(line) > 1:
        points = " ".join(f"{across.at(x):.1f},{upward.at(y):.1f}" for x, y in line)
        yield f'<polyline points="{points}" fill="none" stroke="{CHOSEN}" stroke-width="1.2"/>'
    for number, (x, y) in sorted(enumerate(panel.dots), key=lambda one: one[0] in panel.chosen):
        best, colour = number in panel.chosen, CHOSEN if number in panel.chosen else TRIED
        fill = colour if number in panel.feasible else "none"
        # The best differ in size too, for readers who do not see the colours.
        yield (f'<circle cx="{across.at(x):.1f}" cy="{upward.at(y):.1f}" r="{4.2 if best else 2.6}" fill="{fill}" '
               f'stroke="{"#ffffff" if best else colour}" stroke-width="0.8"/>')  # fmt: skip
    for name, (x, y) in zip(panel.names, panel.dots, strict=bool(panel.names)):
        left = across.at(x) > (across.start + across.end) / 2  # A name stays within the panel.
        yield (f'<text x="{across.at(x) + (-6 if left else 6):.1f}" y="{upward.at(y) - 5:.1f}" font-size="8" '
               f'text-anchor="{"end" if left else "start"}" fill="{INK}">{_safe(name)}</text>')  # fmt: skip


def _frame(panel: Panel, across: Axis, upward: Axis) -> Iterator[str]:
    """The axes with their numbers and labels."""
    bottom, top = upward.start, upward.end
    for value in across.ticks():
        x = across.at(value)
        yield f'<path d="M{x:.1f} {top:g}V{bottom:g}" stroke="{LANE_LINE}" stroke-width="0.5"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 15:g}" text-anchor="middle" fill="{FAINT}">{tick(value, across)}</text>'
    for value in upward.ticks():
        y = upward.at(value)
        yield f'<path d="M{across.start:g} {y:.1f}H{across.end:g}" stroke="{LANE_LINE}" stroke-width="0.5"/>'
        yield (f'<text x="{across.start - 6:g}" y="{y + 4:.1f}" text-anchor="end" fill="{FAINT}">'
               f"{tick(value, upward)}</text>")  # fmt: skip
    yield f'<path d="M{across.start:g} {top:g}V{bottom:g}H{across.end:g}" fill="none" stroke="{INK}"/>'
    middle = (across.start + across.end) / 2
    label = _safe(axis_label(panel.across_label, across, more=panel.more_across))
    yield f'<text x="{middle:g}" y="{bottom + 34:g}" text-anchor="middle" fill="{INK}">{label}</text>'
    x, y = across.start - 48, (top + bottom) / 2
    label = _safe(axis_label(panel.upward_label, upward, more=panel.more_upward))
    yield (f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{INK}" transform="rotate(-90 {x:g} {y:g})">'
           f"{label}</text>")  # fmt: skip


def axis(values: Sequence[float], start: float, end: float, *, of_bytes: bool = False) -> Axis:
    """The axis that has all values, with a little room, between two places; ticks of bytes are round in MiB."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    low, high = low - room, high + room
    size = _unit(max(abs(low), abs(high)), of_bytes=True)[0] if of_bytes else 1.0
    rough = (high - low) / MOST_TICKS / size
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    return Axis(low, high, start, end, step * size, of_bytes)


def axis_label(name: str, along: Axis, *, more: bool) -> str:
    """What stands beside an axis: its name, the unit of bytes, and whether more or less is better."""
    unit = f"{along.unit[1]}, " if along.of_bytes else ""
    return f"{name} ({unit}{'more' if more else 'less'} is better)"


def front_line(panel: Panel) -> list[tuple[float, float]]:
    """The corners of the steps along the dots that no other beats in this plane, the best across first."""
    signs = (-1 if panel.more_across else 1, 1 if panel.more_upward else -1)
    kept = sorted({(signs[0] * x, signs[1] * y) for n, (x, y) in enumerate(panel.dots) if n in panel.feasible},
                  key=lambda dot: (dot[0], -dot[1]))  # fmt: skip
    corners: list[tuple[float, float]] = []
    for x, y in kept:
        if not corners or y > corners[-1][1]:
            corners += [(x, corners[-1][1])] if corners else []
            corners.append((x, y))
    return [(signs[0] * x, signs[1] * y) for x, y in corners]


def tick(value: float, along: Axis) -> str:
    """A number on an axis in the unit that suits the whole axis: with k, M or G; of bytes, the label has it."""
    size, unit = along.unit
    digits = max(0, -math.floor(math.log10(along.step / size) + 1e-9))
    return f"{value / size:.{digits}f}{'' if along.of_bytes else unit}"


def _unit(most: float, *, of_bytes: bool) -> tuple[float, str]:
    base, names = (1024.0, BINARY) if of_bytes else (1000.0, DECIMAL)
    return max((base**power, name) for power, name in enumerate(names[:4]) if power == 0 or most >= base**power)


def _safe(text: str) -> str:
    return escape(visible(text))
