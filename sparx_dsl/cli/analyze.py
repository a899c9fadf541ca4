"""The commands ``sparx analyze erf`` and ``sparx analyze cka``: what backbones have learnt, from a folder of images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Errors, Output, Root, Size, complete_spec
from sparx_dsl.cli.options import Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.progress import Progress
from sparx_dsl.cli.specs import refuse_second_input
from sparx_dsl.cli.version import Version

CHECKPOINT = ".safetensors"

Models = Annotated[
    list[Path],
    typer.Argument(
        metavar="SPEC | FILE...",
        help="Specs, and .safetensors files with one.",
        show_default=False,
        autocompletion=complete_spec,
    ),
]
Weights = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A checkpoint for each SPEC, in their order.", show_default=False),
]
Images = Annotated[Path, typer.Option(metavar="FOLDER", help="Images, in it and below.", show_default=False)]
Count = Annotated[int, typer.Option(min=1, help="Images at most.")]
AtOnce = Annotated[int, typer.Option(min=1, help="Images at once.")]
Seed = Annotated[int, typer.Option(help="For which images are chosen, where there are more.")]
Device = Annotated[str, typer.Option(help="As torch names it: cpu, cuda, cuda:1, mps.")]
Drawn = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw to this .svg, .pdf or .png file.", show_default=False)
]
Numbers = Annotated[
    str | None,
    typer.Option(metavar="NUMBERS", help="One for each channel, as in 0.5,0.5,0.5; else ImageNet's, for grey 0.5."),
]


@dataclass(frozen=True, slots=True)
class Request:
    """What both analyses are asked for."""

    models: list[Path]
    weights: list[Path] | None
    size: str | None
    device: str
    root: Path | None
    images: Path
    count: int
    batch: int
    seed: int
    mean: str | None
    std: str | None
    picture: Path | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """One of the commands: what it does, for how many images and how many at once if nothing is said."""

    help: str
    run: Callable[[Request, Progress], sparx_dsl.Listing]
    count: int
    batch: int


def fields(request: Request, progress: Progress) -> sparx_dsl.Listing:
    """Measure, and draw where a picture is asked for."""
    built, batches, facts = prepared(request)
    found = [
        sparx_dsl.analysis.effective_receptive_field(model, batches, name=about["name"], progress=progress.report)
        for model, about in zip(built, facts["models"], strict=True)
    ]
    if request.picture is not None:
        sparx_dsl.analysis.receptive_field_picture(found, request.picture)
    return sparx_dsl.analysis.receptive_field_listing(found, facts)


def similarities(request: Request, progress: Progress) -> sparx_dsl.Listing:
    """Compare, and draw where a picture is asked for."""
    built, batches, facts = prepared(request)
    names = [about["name"] for about in facts["models"]]
    found = sparx_dsl.analysis.layer_similarity(built, batches, names, progress.report)
    if request.picture is not None:
        sparx_dsl.analysis.similarity_picture(found, request.picture)
    return sparx_dsl.analysis.similarity_listing(found, facts)


ERF: Final = Analysis(
    "Measure the effective receptive field of every stage: on which pixels the centre of its map depends.",
    fields, count=200, batch=8,
)  # fmt: skip
CKA: Final = Analysis(
    "Compare what the mixers of all layers give, within backbones and across: centred kernel alignment.",
    similarities, count=512, batch=32,
)  # fmt: skip


def command(analysis: Analysis) -> Callable[..., None]:
    """The command of an analysis; both have the same options."""

    def run(
        models: Models,
        images: Images,
        weights: Weights = None,
        picture: Drawn = None,
        size: Size = None,
        count: Count = analysis.count,
        batch: AtOnce = analysis.batch,
        seed: Seed = 0,
        mean: Numbers = None,
        std: Numbers = None,
        device: Device = "cpu",
        output: Output = None,
        json: AsJson = False,
        csv: AsCsv = False,
        markdown: AsMarkdown = False,
        root: Root = None,
        errors: Errors = Style.full,
        version: Version = False,
    ) -> None:
        with reporting(errors):
            form = chosen_form(json, csv, markdown)
            refuse_second_input(models)
            request = Request(models, weights, size, device, root, images, count, batch, seed, mean, std, picture)
            with Progress() as progress:
                listing = analysis.run(request, progress)
            present(listing, form, output)

    return run


def prepared(request: Request) -> tuple[list[sparx_dsl.Backbone], Any, dict[str, Any]]:
    """The backbones with their weights, the batches of images, and the facts about both; raises ``SparxError``."""
    if request.picture is not None:
        sparx_dsl.analysis.check_picture(request.picture)
    sparx_dsl.analysis.check_device(request.device)
    files: list[Path | None] = [*(request.weights or [None] * len(request.models))]
    if len(files) != len(request.models):
        message = f"{len(files)} files of weights for {len(request.models)} specs"
        refuse(sparx_dsl.Code.INVALID_ANALYSIS, message, "write --weights once for each, in the order of the specs")
    specs = [None if path.suffix == CHECKPOINT else sparx_dsl.load_spec(path, root=request.root)
             for path in request.models]  # fmt: skip
    for path, spec, file in zip(request.models, specs, files, strict=True):
        if spec is None and file is not None:
            message = f"{path.name} has weights of its own, and --weights {file.name} is given for it"
            refuse(sparx_dsl.Code.INVALID_ANALYSIS, message, "name the spec in its place, or leave --weights out")
    built = [sparx_dsl.build(path if spec is None else spec, device=request.device)
             for path, spec in zip(request.models, specs, strict=True)]  # fmt: skip
    for model, file in zip(built, files, strict=True):
        if file is not None:
            sparx_dsl.load_checkpoint(model, file)
    sides, channels = common(built, request.size)
    batches = sparx_dsl.analysis.image_batches(
        request.images,
        sparx_dsl.analysis.ImageSettings(
            sides, channels, request.count, request.batch, request.seed,
            parsed(request.mean, "mean", channels), parsed(request.std, "std", channels),
        ),
    )  # fmt: skip
    read = [path if spec is None else file for path, spec, file in zip(request.models, specs, files, strict=True)]
    about = [
        {"name": name, "weights": None if file is None else file.name}
        for name, file in zip(distinct([model.spec.name for model in built], read), read, strict=True)
    ]
    return built, batches, {"models": about, "size": list(sides), "device": request.device, "seed": request.seed}


def distinct(names: list[str], files: list[Path | None]) -> list[str]:
    """What backbones are called: as their specs, and where these agree as their files of weights, or with a number."""
    found: list[str] = []
    for name, file in zip(names, files, strict=True):
        called = name if names.count(name) == 1 or file is None else file.stem
        found.append(called if called not in found else f"{called} {len(found) + 1}")
    return found


def common(models: list[sparx_dsl.Backbone], size: str | None) -> tuple[tuple[int, int], int]:
    """The size and the channels of images that all backbones read; raises ``SparxError`` where they differ."""
    inputs = [model.spec.input for model in models]
    sizes, channels = {one.size for one in inputs}, {one.channels for one in inputs}
    if len(channels) > 1:
        counts = " and ".join(map(str, sorted(channels)))
        message = f"the specs read images of {counts} channels"
        refuse(sparx_dsl.Code.INVALID_ANALYSIS, message, "analyse those of the same channels together")
    sides = parse_size(size)
    if sides is None and len(sizes) > 1:
        several = " and ".join(f"{height}x{width}" for height, width in sorted(sizes))
        message = f"the specs are for images of {several} pixels"
        refuse(sparx_dsl.Code.INVALID_ANALYSIS, message, "write --size for the images that all read")
    return sides or inputs[0].size, inputs[0].channels


def parsed(text: str | None, option: str, channels: int) -> tuple[float, ...] | None:
    """Numbers with commas between them, one for each channel; raises ``SparxError``."""
    if text is None:
        return None
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        numbers = ()
    wrong = len(numbers) != channels or not all(map(math.isfinite, numbers))
    if wrong or (option == "std" and min(numbers) <= 0):
        positive = " greater than 0" if option == "std" else ""
        message = f"invalid --{option} {text!r} for images of {channels} channels"
        refuse(sparx_dsl.Code.INVALID_ANALYSIS, message, f"write {channels} numbers{positive} with commas between them")
    return numbers


def analyze_group(version: Version = False) -> None:
    """Say what backbones have learnt, from images."""


def add_analyses(app: typer.Typer) -> None:
    """Add ``analyze`` with its commands to an application."""
    analyses = typer.Typer(no_args_is_help=True)
    analyses.callback()(analyze_group)
    analyses.command("erf", help=ERF.help)(command(ERF))
    analyses.command("cka", help=CKA.help)(command(CKA))
    app.add_typer(analyses, name="analyze")
