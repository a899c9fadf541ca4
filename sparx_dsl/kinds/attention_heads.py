"""Heads of attention, given by their number or by their width, that divide a layer's channels equally."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from pydantic import Field

from sparx_dsl.language.base import Problem, divisor_help

Heads = Annotated[int, Field(ge=1, le=1024)] | None
"""How many; None for as many of ``head_width`` channels as there are."""
HeadWidth = Annotated[int, Field(ge=1, le=4096)]


class HeadedOptions(Protocol):
    """Options of attention with heads."""

    @property
    def heads(self) -> int | None:
        """How many, where that was given."""
        ...

    @property
    def head_width(self) -> int:
        """Channels of each where it was not."""
        ...


def head_count(options: HeadedOptions, channels: int) -> int:
    """How many heads a layer of that many channels has."""
    return options.heads if options.heads is not None else channels // options.head_width


def head_problems(
    options: HeadedOptions, channels: int, codes: tuple[str, str], *, counted: str = "heads", sized: str = "heads"
) -> Iterator[Problem]:
    """The problem that the heads do not divide the channels equally.

    ``codes`` and what messages call the heads are those of heads that are given by number and of those by width.
    """
    if options.heads is not None:
        value = options.heads
        field, code, what, heads = "heads", codes[0], "numbers of heads", f"{value} {counted}"
    else:
        value = options.head_width
        field, code, what, heads = "head_width", codes[1], "widths", f"{sized} of width {value}"
    if channels % value:
        message = f"{heads} do not divide the {channels} channels"
        yield Problem(field, code, message, divisor_help(what, channels, value))


def with_head_count(found: dict[str, Any], options: HeadedOptions, channels: int) -> dict[str, Any]:
    """What options stand for, with the number of heads, by whichever key it was given."""
    counted = {**found, "heads": head_count(options, channels)}
    del counted["head_width"]
    return counted
