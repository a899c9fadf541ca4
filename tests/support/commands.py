"""The command ``sparx`` in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from typer.testing import CliRunner

from sparx_dsl.cli.main import make_app
from tests.support.paths import SPECS

SPEC: Final = "sparx_mamba_t"
FIGURES: Final = str(SPECS / "paper" / "resolutions.yaml")
COMMAND_LINES: Final[dict[str, tuple[str, ...]]] = {
    "compile": (SPEC, "--emit", "graph"), "check": (SPEC,), "draw": (SPEC, "-o", "-"), "cost": (SPEC,),
    "explain": (SPEC, "stage3.layer5"), "diff": (SPEC, "ablations/window_2"), "compare": (SPEC, "swin_t"),
    "set": (SPEC, "stages.3.S=3"), "list": ("swin_*",), "show": (SPEC,), "paper": (FIGURES,), "schema": (),
    "doctor": (), "report": (SPEC, "-o", "report.html"),
    "search": ("small.yaml", "--objective", "params", "--trials", "2", "--sampler", "random"),
    # What these print after long work is held where they run; here they are refused.
    "bench": (SPEC, "--device", "nowhere"), "export": ("löcher → 你好.yaml", "-o", "model.pt2"),
    "tune": ("löcher → 你好.yaml",), "analyze erf": ("löcher → 你好.yaml", "--images", "."),
    "analyze cka": ("löcher → 你好.yaml", "--images", "."),
}  # fmt: skip
"""A command line for each command; what is written goes to the working folder."""


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
