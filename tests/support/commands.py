"""The command ``sparx`` in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from typer.testing import CliRunner

from sparx_dsl.cli.main import make_app


@dataclass(frozen=True)
class Done:
    """What a command that has ended left behind."""

    status: int
    stdout: str
    stderr: str


def sparx(*words: object) -> Done:
    """Run ``sparx`` with these words; an exception that it does not handle is raised here."""
    found = CliRunner().invoke(make_app(), [str(word) for word in words], catch_exceptions=False)
    return Done(found.exit_code, found.stdout, found.stderr)


def every_command() -> dict[str, Callable[..., object]]:
    """Each command of ``sparx`` with its function, those of groups by both words (``analyze erf``)."""
    app = make_app()
    found = {str(one.name): one.callback for one in app.registered_commands}
    for group in app.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        found |= {f"{group.name} {one.name}": one.callback for one in inner.registered_commands}
    return {name: callback for name, callback in found.items() if callback is not None}
