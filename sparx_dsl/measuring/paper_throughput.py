"""A paper's tables of speed and memory, measured on this machine and compared by ratios to reference backbones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sparx_dsl.graph import connect
from sparx_dsl.measuring.bench import bench
from sparx_dsl.measuring.settings import Progress, Settings, machine
from sparx_dsl.paper.throughput_figures import REFERENCES, Measurement, Throughput
from sparx_dsl.render.listing import Field, Line, Listing, Table, Value
from sparx_dsl.render.units import exact_bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one backbone at one size."""

    images: float
    """Images a second."""
    peak_bytes: int | None


def paper_throughput(
    wanted: Throughput, figures: Throughput, settings: Settings, batch: int | None, progress: Progress | None = None
) -> Listing:
    """Measure the backbones of ``wanted``, some of ``figures``, beside the references that these have at each size.

    All of one size run in turn, in batches of the printed number of images or of ``batch``. Raises ``SparxError``.
    """
    found: dict[tuple[int, int], Mapping[str, Measured]] = {}
    rows: list[tuple[Value, ...]] = []
    for one in wanted.measurements:
        key = one.size, batch or one.batch
        if key not in found:
            names = [name for name in figures.names(one.size) if name in {*REFERENCES, *wanted.names(one.size)}]
            found[key] = _measured(figures, names, replace(settings, size=(one.size, one.size), batch=key[1]), progress)
        rows += _rows(one, key[1], found[key], figures)
    table = Table("rows", _fields(), tuple(rows))
    facts = {
        "machine": machine(settings), "device": settings.device, "dtype": settings.dtype,
        "deploy": settings.deploy, "compile": settings.compile,
    }  # fmt: skip
    lines = (
        Line(f"{settings.dtype}, {settings.mode}; {machine(settings)}"),
        Line("Printed: of one H800, in batches of 128 images, of 64 at 768 pixels and of 32 at 1024."),
        Line("Ratios are images a second over those of Swin-T and of VMamba-T, as printed and as measured."),
    )
    keys = ("table", "size", "batch", "name")
    ratios = (f"{how}{name}" for name in REFERENCES for how in ("printed_", ""))
    speeds = table.only(*keys, "printed_images", "images", *ratios)
    memory = table.only(*keys, "printed_memory", "peak_bytes")
    return Listing("sparx.paper_throughput", facts, (table,), (*lines, speeds, memory))


def _measured(
    figures: Throughput, names: list[str], settings: Settings, progress: Progress | None
) -> Mapping[str, Measured]:
    """What is measured of the specs of these names."""
    graphs = [connect(figures.spec(name)) for name in names]
    rows: list[dict[str, Any]] = bench(graphs, (), settings, progress).as_json()["models"]
    return {name: Measured(row["images_per_second"], row["peak_bytes"]) for name, row in zip(names, rows, strict=True)}


def _rows(
    one: Measurement, batch: int, found: Mapping[str, Measured], figures: Throughput
) -> Iterator[tuple[Value, ...]]:
    """A table's rows at one size."""
    for name, printed in one.models.items():
        ratios: list[Value] = []
        for reference in REFERENCES:
            known = figures.printed(reference, one.size)
            ratios.append(None if known is None else printed.images / known)
            ratios.append(found[name].images / found[reference].images if reference in found else None)
        yield (
            one.table, one.size, batch, name, printed.images, found[name].images, *ratios,
            printed.memory, found[name].peak_bytes,
        )  # fmt: skip


def _fields() -> tuple[Field, ...]:
    def ratio(value: float) -> str:
        return f"{value:.2f}"

    return (
        Field("table", "Table"), Field("size", "Size", number=True), Field("batch", "Batch", number=True),
        Field("name", "Name"),
        Field("printed_images", "Printed", number=True), Field("images", "Images/s", lambda rate: f"{rate:,.1f}", True),
        Field("printed_swin_t", "Printed /Swin-T", ratio, True), Field("swin_t", "/Swin-T", ratio, True),
        Field("printed_vmamba_t", "Printed /VMamba-T", ratio, True), Field("vmamba_t", "/VMamba-T", ratio, True),
        Field("printed_memory", "Printed MB", number=True), Field("peak_bytes", "Peak", exact_bytes, True),
    )  # fmt: skip
