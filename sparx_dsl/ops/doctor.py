"""Which backends of the scan work on this machine, why the others don't, and whether they give the right results."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sparx_dsl.errors import SparxError
from sparx_dsl.ops.backends import VARIABLE, Backend, backends, choose
from sparx_dsl.ops.selective_scan import decay_rates, selective_scan, ss2d_scan

TOLERANCES = {"float32": 1e-4, "bfloat16": 2e-2}
"""The largest error that a dtype allows, relative to the largest value of a tensor."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A backend on a device in a dtype: why it does not work there, or its largest relative error in results and
    derivatives against the reference in float64; ``chosen`` where it serves, by default or by the environment."""

    backend: str
    device: str
    dtype: str
    problem: str | None
    error: float | None
    chosen: bool

    @property
    def wrong(self) -> bool:
        """Whether it runs and what it gives is not what it should be."""
        return self.error is not None and not self.error <= TOLERANCES[self.dtype]

    @property
    def status(self) -> str:
        """Whether it works, or why not, and whether it is the one that serves."""
        word = self.problem or ("WRONG: report this, and force another" if self.wrong else "works")
        if self.chosen:
            word += f", forced by {VARIABLE}" if os.environ.get(VARIABLE) else ", the default"
        return word


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found on this machine; prints itself as a table."""

    machine: tuple[str, ...]
    findings: tuple[Finding, ...]
    broken: tuple[str, ...] = ()
    """What is wrong with installed packages that add kinds."""

    @property
    def healthy(self) -> bool:
        """Whether all that runs gives the right results, and no package is broken."""
        return not self.broken and not any(finding.wrong for finding in self.findings)

    def __repr__(self) -> str:
        return f"Examination({len(self.findings)} findings, {'healthy' if self.healthy else 'not healthy'})"

    def __str__(self) -> str:
        rows = [ROW.format("device", "dtype", "backend", "error", ""), *map(_row, self.findings)]
        broken = ["", *(f"BROKEN: {package}" for package in self.broken)] if self.broken else []
        return "\n".join([*self.machine, "", *(row.rstrip() for row in rows), *broken])


ROW = "{:<6}  {:<8}  {:<9}  {:<7}  {}"


def _row(finding: Finding) -> str:
    error = "–" if finding.error is None else f"{finding.error:.1e}"
    return ROW.format(finding.device, finding.dtype, finding.backend, error, finding.status)


def examine(broken: tuple[str, ...]) -> Examination:
    """Try every backend on every device of this machine, in float32 and bfloat16; takes a second or two.

    ``broken`` is what is known to be wrong with installed packages.
    """
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    findings = [
        _examined(backend, device, dtype)
        for device in devices
        for dtype in (torch.float32, torch.bfloat16)
        for backend in backends().values()
    ]
    return Examination(_machine(), tuple(findings), broken)


def _machine() -> tuple[str, ...]:
    from sparx_dsl.ops.cpu import library

    vectors = "no compiled scan" if library.problem() else f"compiled scan with {_instructions()}"
    lines = [
        f"torch {torch.__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"CPU: {torch.get_num_threads()} threads, {vectors}",
    ]
    if torch.cuda.is_available():
        lines.append(f"CUDA {torch.version.cuda}: {torch.cuda.get_device_name()}")
    forced = os.environ.get(VARIABLE, "")
    if forced:
        known = "no scan runs but on this backend" if forced in backends() else "no scan runs: unknown backend"
        lines.append(f"{VARIABLE}={forced}: {known}")
    return tuple(lines)


def _instructions() -> str:
    from sparx_dsl.ops.cpu import library

    return library.INSTRUCTION_SETS[library.instruction_set()]


def _examined(backend: Backend, device: str, dtype: torch.dtype) -> Finding:
    name = str(dtype).removeprefix("torch.")
    problem = backend.limitation(device, dtype)
    chosen = _serving(device, dtype) == backend.name
    if problem is None:
        try:
            return Finding(backend.name, device, name, None, _error(backend.name, device, dtype), chosen)
        except Exception as error:  # whatever a backend fails with is a finding, not the end of the examination
            problem = f"fails: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return Finding(backend.name, device, name, problem, None, chosen)


def _serving(device: str, dtype: torch.dtype) -> str | None:
    """The backend that serves; None where the environment forces one that can't."""
    try:
        return choose(device, dtype).name
    except SparxError:
        return None


def _error(backend: str, device: str, dtype: torch.dtype) -> float:
    """The largest relative error of both operators and all their derivatives; NaN where any is no number."""
    errors: list[float] = []
    for scan, (tensors, activations) in ((ss2d_scan, _map()), (selective_scan, _line())):
        given = [t.to(device, dtype if i in activations else torch.float32) for i, t in enumerate(tensors)]
        expected = _derived(functools.partial(scan, backend="reference"), [t.double().cpu() for t in given])
        found = _derived(functools.partial(scan, backend=backend), given)
        errors += [_relative(a, b) for a, b in zip(found, expected, strict=True)]
    # Not Python's max, which loses a NaN.
    return float(torch.tensor(errors, dtype=torch.float64).max())


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found.double().cpu() - expected).abs().max() / expected.abs().max())


def _derived(scan: functools.partial[Tensor], tensors: list[Tensor]) -> list[Tensor]:
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    result = scan(*leaves)
    return [result.detach(), *torch.autograd.grad(result.sum(), leaves)]


def _normal(seed: int) -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(shape, generator=generator)


def _map() -> tuple[list[Tensor], tuple[int, ...]]:
    normal = _normal(0)
    tensors = [normal(2, 20, 6, 7), normal(2, 6, 7, 4 * 5), normal(4, 20, 3), normal(4, 20)]
    return [*tensors, decay_rates(normal(80, 1)), normal(80)], (0, 1)


def _line() -> tuple[list[Tensor], tuple[int, ...]]:
    normal = _normal(1)
    tensors = [normal(2, 24, 50), normal(2, 24, 50), decay_rates(normal(24, 4))]
    return [*tensors, normal(2, 2, 4, 50), normal(2, 2, 4, 50), normal(24), normal(24)], (0, 1, 3, 4)
