"""The command ``sparx search``: arguments in, a table out; the work is done by the public API."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Errors, Root
from sparx_dsl.cli.options import Style, note, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.statuses import INTERRUPTED
from sparx_dsl.cli.version import Version

ADDRESS = re.compile(r"auto|local|(?:ray://)?[^\s/]+:\d+")


class SearchCommand(TyperCommand):
    """A command whose option ``--ray`` may stand without an address."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Parse the arguments, with an address after each ``--ray``."""
        return super().parse_args(ctx, with_address(args))


def with_address(arguments: Sequence[str]) -> list[str]:
    """The arguments with ``local`` after a ``--ray`` that no address follows."""
    found: list[str] = []
    for place, argument in enumerate(arguments):
        found.append(argument)
        if argument == "--ray" and not ADDRESS.fullmatch("".join(arguments[place + 1 : place + 2])):
            found.append("local")
    return found


def search_command(
    space: Annotated[
        Path,
        typer.Argument(metavar="SPACE", help="A YAML file, or a space of the package: wide.", show_default=False),
    ],
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="module:function, or params, macs or peak; may be given several times. "
            "Without one, the study is shown as it stands.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials that the study has when it ends.")] = 100,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keeps everything (.journal, .db); goes on where it is there. By default the space's name, here.",
            show_default=False,
        ),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            metavar="WORD,…",
            help="maximize or minimize for each value. By default functions are maximised and prices minimised.",
            show_default=False,
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help="random, tpe (by default for one value) or nsga2 (for several).", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="By default 0, or the study's own.", show_default=False)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes here, or trials at once on a cluster.", show_default=False)
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Begin no trial after this time.", show_default=False)
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="End trials early by what they report: median, asha or hyperband.", show_default=False
        ),
    ] = None,
    inherit: Annotated[bool, typer.Option("--inherit", help="Give each trial the weights of the closest one.")] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]", help="Run on a Ray cluster; without an address, on a local one.", show_default=False
        ),
    ] = None,
    cpus: Annotated[float, typer.Option(help="CPUs that a trial takes of the cluster.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs that a trial takes of the cluster.")] = 0.0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Write the best specs, the table and the picture here. By default beside the study.",
            show_default=False,
        ),
    ] = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    style: Errors = Style.full,
    version: Version = False,
) -> None:
    """Search a space: try points with an objective, keep every result, and write the best as specs."""
    with reporting(style):
        started, form = time.perf_counter(), chosen_form(json, csv, markdown)
        whole = sparx_dsl.load_space(space, root=root)
        for finding in whole.left_out:
            note(str(finding))
        file = study or sparx_dsl.default_study(whole)
        folder = output or file.with_name(f"{file.stem}.best")
        target = folder.absolute()  # An objective may go to another folder.
        cluster = None if ray is None else sparx_dsl.RayOptions(ray, cpus, gpus)
        try:
            if objective:
                result = sparx_dsl.run_study(
                    whole, objective, trials=trials, study=file, directions=words(direction), sampler=sampler,
                    seed=seed, workers=workers, timeout=timeout, inherit=inherit, ray=cluster,
                    pruner=pruner, progress=True,
                )  # fmt: skip
            else:
                result = shown_study(whole, file)
        except KeyboardInterrupt:
            sys.stderr.write(f"stopped; the same command goes on with {file}\n")
            raise typer.Exit(INTERRUPTED) from None
        paths = sparx_dsl.write_winners(result, target)
        made = f"{len(paths)} spec{'s' if len(paths) != 1 else ''}, the table and the picture are in {folder}"
        lines = [f"{made}; {time.perf_counter() - started:.0f} s"]
        present(sparx_dsl.study_listing(result, paths, lines), form)


def shown_study(space: sparx_dsl.Space, file: Path) -> sparx_dsl.StudyResult:
    """The study as it stands."""
    if not file.exists():
        refuse(
            sparx_dsl.Code.UNKNOWN_OBJECTIVE,
            "no objective is given, and the study to show does not exist",
            "write --objective module:function",
        )
    return sparx_dsl.read_study(space, file)


def words(text: str | None) -> tuple[str, ...]:
    """The words between commas."""
    return () if text is None else tuple(word.strip() for word in text.split(","))
