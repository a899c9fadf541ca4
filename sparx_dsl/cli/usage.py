"""Errors in the command line itself, as Typer shows them.

An empty argument is one: as a file it would be the working folder, and it comes from a shell's variable that is not
set. The words that pydantic puts before its texts are left out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

PREFIX: Final = "Value error, "


class Commands(TyperGroup):
    """A group of commands."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Part the command's name from its arguments, of which none is empty."""
        _refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse the arguments of a command and run it."""
        with _without_prefix():
            return super().invoke(ctx)


class SingleCommand(TyperCommand):
    """A command that is a program of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse the arguments, of which none is empty."""
        _refuse_empty(args)
        with _without_prefix():
            return super().parse_args(ctx, args)


def _refuse_empty(args: Sequence[str]) -> None:
    for number, argument in enumerate(args, 1):
        option = re.fullmatch(r"(--[\w-]+)=", argument)
        if not argument or option:
            name = option[1] if option else f"argument {number}"
            raise typer.BadParameter(f"{name} is empty; is a variable of the shell not set?")


@contextlib.contextmanager
def _without_prefix() -> Generator[None]:
    try:
        yield
    except typer.BadParameter as error:
        error.message = error.message.removeprefix(PREFIX)
        raise
