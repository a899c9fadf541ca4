"""Hooks that note what ran."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def noting(ran: list[str], name: str) -> Callable[..., None]:
    """A hook, before or after a module, that adds a name to a list each time that the module runs."""

    def note(module: nn.Module, *_: object) -> None:
        ran.append(name)

    return note
