"""What a picture can be asked for: its width, its type, its title, what it shows; checked when it is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Never, get_args

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean
from sparx_dsl.graph import ConnectionGraph

PictureStyle = Literal["lanes", "matrix", "overview"]
"""``lanes``: a lane of boxes for each stage; ``overview``: the parts of layers besides, as in SparX, Figure 2.

``matrix``: what reads what, as a matrix.
"""
STYLES: Final = get_args(PictureStyle)
POINTS_PER_MM: Final = 72 / 25.4
WIDTHS: Final = (40.0, 2000.0)
"""The least and the largest width, in mm."""
TYPE_SIZE: Final = 7.0
"""The size, in points, of the smallest type of a picture that is asked for by its width."""
FONT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a picture is to look. Raises ``SparxError`` (SPX514) for what no picture can be."""

    fold: bool = True
    """Whether repeats are drawn once."""
    width: float | None = None
    """Of the page, in mm: what is wider is wrapped, and the smallest type is 7 points; None for as wide as it comes."""
    font: str | None = None
    """The family of the type; None for Arial or what stands in for it."""
    title: str | None = None
    legend: bool = True
    stages: tuple[int | str, ...] | None = None
    """The stages that are shown, by number or name; None for all."""
    style: PictureStyle = "lanes"

    def __post_init__(self) -> None:
        if self.width is not None and not WIDTHS[0] <= self.width <= WIDTHS[1]:
            low, high = WIDTHS
            refuse(f"a picture cannot be {self.width:g} mm wide", f"write a width from {low:g} to {high:g} mm")
        if self.font is not None and not FONT_NAME.fullmatch(self.font):
            refuse(f"{self.font!r} is not the name of a font's family", "write a name such as Helvetica")
        if self.style not in STYLES:
            refuse(f"unknown style {self.style!r} of a picture", f"write one of {', '.join(STYLES)}")

    def shown(self, graph: ConnectionGraph) -> tuple[int, ...]:
        """The numbers of the stages that are shown, from 1; raises ``SparxError`` for one that is not there."""
        every = range(1, len(graph.spec.stages) + 1)
        if self.stages is None:
            return tuple(every)
        names = {str(number): number for number in every}
        names |= {f"stage{number}": number for number in every}
        names |= {stage.name: number for number, stage in zip(every, graph.spec.stages, strict=True) if stage.name}
        wanted = {str(stage) for stage in self.stages}
        if missing := sorted(wanted - names.keys()):
            known = f"it has stages 1 to {len(every)}" if len(every) > 1 else "it has one stage"
            refuse(f"{graph.spec.name} has no stage {missing[0]}", did_you_mean(missing[0], names) or known)
        if not wanted:
            refuse("a picture of no stages", "name a stage, or leave stages out for all")
        return tuple(sorted({names[stage] for stage in wanted}))

    def points(self, smallest: float) -> float | None:
        """The width of the page, in units in which the smallest type is ``smallest``; None where none is asked for."""
        return None if self.width is None else self.width * POINTS_PER_MM * smallest / TYPE_SIZE


def stage_names(stages: Sequence[int | str] | int | str | None) -> tuple[int | str, ...] | None:
    """Stages as a caller gives them: a number, a text such as ``1,3``, ``2-4`` or ``deep``, or several of these.

    Raises ``SparxError`` (SPX514) for a text that names no stages.
    """
    if isinstance(stages, str):
        return tuple(stage for part in stages.split(",") for stage in _range(part.strip(), stages))
    return (stages,) if isinstance(stages, int) else None if stages is None else tuple(stages)


def _range(part: str, text: str) -> Sequence[int | str]:
    ends = re.fullmatch(r"(\d{1,4})\s*[-–]\s*(\d{1,4})", part)
    if ends and int(ends[1]) <= int(ends[2]):
        return range(int(ends[1]), int(ends[2]) + 1)
    if not re.fullmatch(r"[a-z0-9_]+", part):
        refuse(f"{text!r} does not name stages", "write 3, 1,3 or 2-4, or names of stages")
    return (part,)


def refuse(message: str, advice: str) -> Never:
    """Raise ``SparxError`` (SPX514)."""
    raise SparxError(Diagnostic(Code.INVALID_PICTURE_OPTION, message, help=advice))
