"""The calls that say what works on this machine; torch is imported when one is made, never before."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparx_dsl.api import Source, connect
from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.language.dtypes import DType, read_dtype
from sparx_dsl.registry import default_registry

if TYPE_CHECKING:
    import torch

    from sparx_dsl.ops.doctor import Examination, Finding
    from sparx_dsl.render import Listing


def doctor() -> Examination:
    """Try every backend of the selective scan on this machine and check it against the reference; prints itself.

    It names the installed packages whose kinds cannot be used, too.
    """
    from sparx_dsl.ops.doctor import examine

    return examine(tuple(map(str, default_registry().broken)))


def scan_backend(device: str = "cpu", dtype: torch.dtype | str = "float32") -> str:
    """The backend of the selective scan that serves tensors of a device and dtype here.

    The environment variable ``SPARX_SCAN_BACKEND`` forces one; raises ``SparxError`` where that one can't serve them.
    """
    import torch

    from sparx_dsl.lowering.build import TORCH_DTYPES
    from sparx_dsl.ops.backends import choose

    return choose(torch.device(device).type, TORCH_DTYPES[read_dtype(dtype)]).name


def doctor_listing(found: Examination) -> Listing:
    """What ``doctor`` has found, as values: a row for each backend on each device in each dtype."""
    from sparx_dsl.render.listing import Field, Line, Listing, Table, Value

    def row(one: Finding) -> tuple[Value, ...]:
        return (one.device, one.dtype, one.backend, one.error, one.wrong, one.chosen, one.status)

    fields = (
        Field("device", "Device"), Field("dtype", "DType"), Field("backend", "Backend"),
        Field("error", "Error", lambda error: f"{error:.1e}", True), Field("wrong", "Wrong"),
        Field("chosen", "Chosen"), Field("status", "Status"),
    )  # fmt: skip
    table = Table("findings", fields, tuple(map(row, found.findings)))
    facts = {"healthy": found.healthy, "machine": list(found.machine), "broken": list(found.broken)}
    shown = (*map(Line, found.machine), table.only("device", "dtype", "backend", "error", "status"))
    broken = (Line(f"BROKEN: {package}", "bad") for package in found.broken)
    return Listing("sparx.doctor", facts, (table,), (*shown, *broken))


def paper_throughput(
    path: str | os.PathLike[str] | None = None,
    *,
    tables: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
    batch: int | None = None,
    device: str = "cpu",
    dtype: DType = "float32",
    deploy: bool = False,
    compile: bool = False,
    seconds: float = 3.0,
    progress: Callable[[str], None] | None = None,
) -> Listing:
    """A paper's tables of speed and memory, measured here: figures, and ratios to Swin-T and VMamba-T, beside its own.

    ``path`` is a file as the zoo's ``paper/throughput.yaml``, which is the default. ``tables`` and ``sizes`` (sides of
    images) choose among its rows, all by default; ``batch`` takes the place of the printed ones. Raises ``SparxError``,
    also for tables and sizes that the file does not have.
    """
    from sparx_dsl.language.zoo import zoo_folder
    from sparx_dsl.measuring.paper_throughput import paper_throughput as measured
    from sparx_dsl.measuring.settings import Settings
    from sparx_dsl.paper.throughput_figures import read_throughput

    figures = read_throughput(zoo_folder() / "paper" / "throughput.yaml" if path is None else Path(path))
    wanted = figures.only(figures.tables if tables is None else tables, figures.sizes if sizes is None else sizes)
    unknown = [*(set(tables or ()) - set(figures.tables)), *map(str, set(sizes or ()) - set(figures.sizes))]
    if unknown or not wanted.measurements:
        what = f"table or size {', '.join(sorted(unknown))}" if unknown else "row for these tables at these sizes"
        known = f"tables {', '.join(figures.tables)} and sizes {', '.join(map(str, figures.sizes))}"
        raise SparxError(Diagnostic(Code.UNKNOWN_MEASUREMENT, f"the figures have no {what}", help=f"they have {known}"))
    settings = Settings(device, 1, None, dtype, deploy, train=False, compile=compile, seconds=seconds)
    return measured(wanted, figures, settings, batch, progress)


def bench(
    sources: Sequence[Source],
    peers: Sequence[str] = (),
    *,
    device: str = "cpu",
    batch: int = 1,
    size: tuple[int, int] | None = None,
    dtype: DType = "float32",
    deploy: bool = False,
    train: bool = False,
    compile: bool = False,
    seconds: float = 3.0,
    progress: Callable[[str], None] | None = None,
) -> Listing:
    """Speed and memory of backbones here, beside what was planned, and beside timm's models named in ``peers``.

    Each runs for ``seconds`` at least, in turn, on random images of ``size`` (height, width; by default the spec's
    own): forward, or with ``train`` forward and backward. ``progress`` is given a line now and then. Raises
    ``SparxError``, also for a device that is not here.
    """
    from sparx_dsl.measuring.bench import bench as measured
    from sparx_dsl.measuring.settings import Settings

    settings = Settings(device, batch, size, read_dtype(dtype), deploy, train, compile, seconds)
    return measured([connect(source) for source in sources], peers, settings, progress)


def tune(
    source: Source,
    *,
    batch: int = 1,
    size: tuple[int, int] | None = None,
    dtype: DType = "bfloat16",
    train: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Listing:
    """Measure the settings of the fused scans of a backbone's maps on the CUDA device, and keep the fastest.

    They are kept in a file (``SPARX_TUNED_FILE``, by default ``sparx_dsl/tuned.json`` in the folder for caches), which
    later processes read; with ``train`` the backward's too. ``size`` is (height, width), by default the spec's own.
    Raises ``SparxError`` where there is no such device or no such scan (SPX556), for a damaged file (SPX557), and for
    one that cannot be written (SPX502).
    """
    from sparx_dsl.measuring.settings import Settings
    from sparx_dsl.measuring.tune import cuda_device
    from sparx_dsl.measuring.tune import tune as tuned
    from sparx_dsl.ops.triton_kernels.tuned_file import tuned_path
    from sparx_dsl.ops.triton_kernels.tuning import tuner

    settings = Settings("cuda", batch, size, dtype, train=train)
    graph, device = connect(source), cuda_device()
    return tuned(graph, settings, tuner(tuned_path()), device, progress)
