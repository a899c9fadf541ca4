"""Dots in a plane as an SVG text: what was tried, what no other beats, and the step line between these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sparx_dsl.errors.escape import visible
from sparx_dsl.render.style import FAINT, INK, LANE_LINE
from sparx_dsl.render.svg import FAMILY, NAMESPACE

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
    across = axis([x for x, _ in panel.dots], shift + LEFT, shift + WIDTH - RIGHT)
    upward = axis([y for _, y in panel.dots], HEIGHT - BOTTOM, TOP)
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
    arrow = "more is better" if panel.more_across else "less is better"
    label = f"{_safe(panel.across_label)} ({arrow})"
    yield f'<text x="{middle:g}" y="{bottom + 34:g}" text-anchor="middle" fill="{INK}">{label}</text>'
    x, y = across.start - 48, (top + bottom) / 2
    yield (f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{INK}" transform="rotate(-90 {x:g} {y:g})">'
           f"{_safe(panel.upward_label)}</text>")  # fmt: skip


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    """The axis that has all values, with a little room, between two places on the page."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    rough = (high - low + 2 * room) / MOST_TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    return Axis(low - room, high + room, start, end, step)


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
    """A number on an axis, with the unit k, M or G that suits the whole axis."""
    most = max(abs(along.low), abs(along.high))
    size, unit = next(((size, unit) for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if most >= size), (1.0, ""))
    digits = max(0, -math.floor(math.log10(along.step / size) + 1e-9))
    return f"{value / size:.{digits}f}{unit}"


def _safe(text: str) -> str:
    return escape(visible(text))
