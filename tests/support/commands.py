"""The command ``sparx`` in this process."""

from __future__ import annotations

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
