"""The calls that say what works on this machine; torch is imported when one is made, never before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparx_dsl.errors import Code, Diagnostic, SparxError
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

    from sparx_dsl.ops.backends import choose

    wanted = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    name = str(dtype).removeprefix("torch.")
    if name not in wanted:
        message = f"the scan does not support the dtype {name!r}"
        raise SparxError(Diagnostic(Code.UNKNOWN_DTYPE, message, help=f"write one of {', '.join(wanted)}"))
    return choose(torch.device(device).type, wanted[name]).name


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
