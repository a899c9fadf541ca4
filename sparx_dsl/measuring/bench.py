"""Images a second, milliseconds and memory of backbones, measured in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.measuring.memory import allocated_peak
from sparx_dsl.measuring.settings import Progress, Settings, cannot_measure, check_settings, machine
from sparx_dsl.measuring.subjects import Subject, of_spec, of_timm
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.units import exact_bytes, exact_count, signed_percent

WARM_UP = 2
LEAST_RUNS = 5

FIELDS = (
    Field("name", "Name"), Field("params", "Params", exact_count, True),
    Field("images_per_second", "Images/s", lambda rate: f"{rate:,.1f}", True), Field("ratio", "", signed_percent, True),
    Field("milliseconds", "ms", lambda taken: f"{taken:.2f}", True),
    Field("least_milliseconds", "least", lambda taken: f"{taken:.2f}", True), Field("runs", "Runs", number=True),
    Field("peak_bytes", "Peak", exact_bytes, True), Field("planned_bytes", "Planned", exact_bytes, True),
)  # fmt: skip


def bench(
    graphs: Sequence[ConnectionGraph], peers: Sequence[str], settings: Settings,
    progress: Progress | None = None,
) -> Listing:  # fmt: skip
    """Measure the backbones of graphs, then models of timm by name, each a row; the first is what ratios refer to.

    All run in turn, so that a drift of the machine's speed meets all: each until it has run for the settings' seconds,
    and five times in any case, after two runs that do not count. Milliseconds are the median of a whole batch. The
    peak is that of everything but weights and images; what is planned is the peak of feature buffers, or in training
    what is saved for the backward pass. Weights are freshly drawn. Raises ``SparxError``.
    """
    report = progress or _silent
    check_settings(settings)
    makers: list[tuple[str, Callable[[], Subject]]] = [
        *((graph.spec.name, lambda graph=graph: of_spec(graph, settings)) for graph in graphs),
        *((name, lambda name=name: of_timm(name, settings)) for name in peers),
    ]
    subjects: list[Subject] = []
    peaks: list[int | None] = []
    for name, make in makers:
        report(f"{name}: building and warming up")
        try:
            subject = make()
            for _ in range(WARM_UP):
                subject.run(settings.train)
            subject.model.zero_grad(set_to_none=True)  # Gradients count for the peak.
            peaks.append(allocated_peak(lambda subject=subject: subject.run(settings.train), settings.device))
        except RuntimeError as error:
            raise cannot_measure(f"{name} does not run: {settings.mode}, {settings.dtype}", error) from None
        subjects.append(subject)
    return _listing(subjects, peaks, _timed(subjects, settings, report), settings)


def _timed(subjects: Sequence[Subject], settings: Settings, report: Progress) -> list[list[float]]:
    """The seconds of each run of each subject."""
    taken: list[list[float]] = [[] for _ in subjects]
    while any(sum(found) < settings.seconds or len(found) < LEAST_RUNS for found in taken):
        for subject, found in zip(subjects, taken, strict=True):
            started = time.perf_counter()
            subject.run(settings.train)
            if settings.on_cuda:
                torch.cuda.synchronize(settings.device)
            found.append(time.perf_counter() - started)
        least = min(map(sum, taken))
        report(f"run {len(taken[0])}, {least:.1f} of {settings.seconds:g} s each")
    return taken


def _listing(
    subjects: Sequence[Subject], peaks: Sequence[int | None], taken: Sequence[Sequence[float]], settings: Settings
) -> Listing:
    rows: list[tuple[Value, ...]] = []
    first = statistics.median(taken[0])
    for subject, peak, found in zip(subjects, peaks, taken, strict=True):
        middle = statistics.median(found)
        rows.append((
            subject.name, subject.params, settings.batch / middle, first / middle - 1, middle * 1e3, min(found) * 1e3,
            len(found), peak, subject.planned_bytes,
        ))  # fmt: skip
    table = Table("models", FIELDS, tuple(rows))
    height, width = subjects[0].images.shape[-2:]
    facts = {
        "machine": machine(settings), "device": settings.device, "batch": settings.batch, "size": [height, width],
        "dtype": settings.dtype, "deploy": settings.deploy, "train": settings.train, "compile": settings.compile,
    }  # fmt: skip
    heading = f"{height}×{width} pixels, batch {settings.batch}, {settings.dtype}, {settings.mode}; {machine(settings)}"
    what = "what training saves" if settings.train else "the peak of feature buffers"
    note = f"Peak: everything but weights and images, measured. Planned: {what}."
    return Listing("sparx.bench", facts, (table,), (Line(heading), table.without("least_milliseconds"), Line(note)))


def _silent(line: str) -> None:
    """Say nothing of the progress."""
