"""Errors in the command line itself, as Typer shows them, without the words that pydantic puts before their text."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

PREFIX: Final = "Value error, "


class Commands(TyperGroup):
    """A group of commands."""

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse the arguments of a command and run it."""
        with _without_prefix():
            return super().invoke(ctx)


class SingleCommand(TyperCommand):
    """A command that is a program of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse the arguments."""
        with _without_prefix():
            return super().parse_args(ctx, args)


@contextlib.contextmanager
def _without_prefix() -> Generator[None]:
    try:
        yield
    except typer.BadParameter as error:
        error.message = error.message.removeprefix(PREFIX)
        raise
