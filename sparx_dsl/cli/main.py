"""The commands ``sparx`` and ``sparx-compile``: arguments in, text out; the work is done by the public API."""

from __future__ import annotations

import sys
from typing import Final

import typer

from sparx_dsl.cli.analyze import add_analyses
from sparx_dsl.cli.bench import bench_command
from sparx_dsl.cli.compare import compare_command
from sparx_dsl.cli.compile import compile_command
from sparx_dsl.cli.describe import check_command, cost_command, diff_command, explain_command
from sparx_dsl.cli.draw import draw_command
from sparx_dsl.cli.export import export_command
from sparx_dsl.cli.package import (
    doctor_command,
    list_command,
    schema_command,
    show_command,
)
from sparx_dsl.cli.paper import paper_command
from sparx_dsl.cli.report import report_command
from sparx_dsl.cli.search import SearchCommand, search_command
from sparx_dsl.cli.set import set_command
from sparx_dsl.cli.statuses import INTERRUPTED
from sparx_dsl.cli.terminal import prepare_streams
from sparx_dsl.cli.tune import tune_command
from sparx_dsl.cli.usage import Commands, SingleCommand
from sparx_dsl.cli.version import Version

HELP: Final = {"help_option_names": ["-h", "--help"]}


def root(version: Version = False) -> None:
    """A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch."""


def make_app() -> typer.Typer:
    """The ``sparx`` command with its subcommands."""
    app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, context_settings=HELP)
    app.callback()(root)
    named = {
        "compile": compile_command, "check": check_command, "draw": draw_command, "cost": cost_command,
        "explain": explain_command, "diff": diff_command, "compare": compare_command,
        "set": set_command, "bench": bench_command, "tune": tune_command,
        "list": list_command, "show": show_command,
        "export": export_command, "paper": paper_command, "schema": schema_command, "doctor": doctor_command,
        "report": report_command,
    }  # fmt: skip
    for name, command in named.items():
        app.command(name)(command)
    app.command("search", cls=SearchCommand)(search_command)
    add_analyses(app)
    return app


def main() -> None:
    """The command ``sparx``, in a process that goes on; ``entry`` has what ends one."""
    _run(make_app())


def compile_main() -> None:
    """The command ``sparx-compile``, which is ``sparx compile``."""
    app = typer.Typer(pretty_exceptions_enable=False, context_settings=HELP)
    app.command(cls=SingleCommand)(compile_command)
    _run(app)


def _run(app: typer.Typer) -> None:
    """Run a command; with status 130 after Ctrl+C, also while modules are imported."""
    prepare_streams()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
