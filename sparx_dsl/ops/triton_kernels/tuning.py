"""Which settings the fused SS2D runs with: tuned ones where they are known, measured where that is wished for.

``SPARX_TUNE`` says what is done: by default a file of tuned settings (``sparx tune``) is read and nothing is
measured; with 1, what neither the file nor the table of ``settings`` knows is measured when it is first needed, and
kept; with 0 the file is not read either.
"""

# pyright: reportMissingTypeStubs=false, reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import functools
import math
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.ops.triton_kernels.candidates import Direction, candidates
from sparx_dsl.ops.triton_kernels.settings import WalkSettings, WalkShape, is_measured
from sparx_dsl.ops.triton_kernels.tuned_file import Case, read_tuned, tuned_path, write_tuned

VARIABLE: Final = "SPARX_TUNE"
MODES: Final = ("", "0", "1")
Measure = Callable[[WalkSettings], float]
"""The milliseconds of a call with given settings; infinity where it does not run with them."""


class Tuner:
    """The tuned settings of one file, read once, and what is measured beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = read_tuned(path)
        self._measuring = threading.Lock()

    def choose(self, case: Case, options: Sequence[WalkSettings], measure: Measure | None) -> WalkSettings:
        """The tuned settings where they are among the options; else those measured now, or without it the first."""
        found = self.known.get(case)
        if found is not None and found in options:
            return found
        if measure is None:
            return options[0]
        taken = self.tune(case, options, measure)
        return min(taken, key=lambda each: taken[each])

    def tune(self, case: Case, options: Sequence[WalkSettings], measure: Measure) -> dict[WalkSettings, float]:
        """Measure all options, keep the fastest in the file, and give the milliseconds of each.

        Where none runs, nothing is kept.
        """
        with self._measuring:  # backward passes run in other threads
            taken = {settings: measure(settings) for settings in options}
            fastest = min(taken, key=lambda each: taken[each])
            if math.isfinite(taken[fastest]):
                self.known[case] = fastest
                write_tuned(self.path, {case: fastest})
        return taken


@functools.cache
def tuner(path: Path) -> Tuner:
    """The tuner of a file."""
    return Tuner(path)


def mode() -> str:
    """What ``SPARX_TUNE`` says; raises ``SparxError`` (SPX558) for what it cannot say."""
    said = os.environ.get(VARIABLE, "")
    if said not in MODES:
        help = "write 1 to measure what is not known, 0 to read no tuned settings, or leave it out"
        message = f"the environment variable {VARIABLE} is {said[:40]!r}"
        raise SparxError(Diagnostic(Code.UNKNOWN_TUNING_MODE, message, help=help))
    return said


def settings_for(
    direction: Direction, shape: WalkShape, x: Tensor, run: Callable[[WalkSettings], object]
) -> WalkSettings:
    """The settings for a call on x (batch, inner, height, width); ``run`` makes that call with given ones.

    Nothing is measured while a CUDA graph is captured, nor what the table of ``settings`` has from this very device.

    Raises ``SparxError`` for a damaged file of tuned settings (SPX557), or that cannot be written (SPX502).
    """
    capability = torch.cuda.get_device_capability(x.device) if x.is_cuda else (0, 0)
    options = candidates(direction, shape, capability)
    said = mode()
    if said == "0" or not x.is_cuda:
        return options[0]
    known = direction == "forward" and is_measured(shape, capability)
    measures = said == "1" and not known and not torch.cuda.is_current_stream_capturing()
    measure = functools.partial(milliseconds, run) if measures else None
    return tuner(tuned_path()).choose(Case(direction, device_name(x.device), shape), options, measure)


@functools.cache
def device_name(device: torch.device) -> str:
    """What tuned settings are for: the device's name and capability, and the version of Triton."""
    import triton

    major, minor = torch.cuda.get_device_capability(device)
    return f"{torch.cuda.get_device_name(device)}, capability {major}.{minor}, triton {triton.__version__}"


def milliseconds(run: Callable[[WalkSettings], object], settings: WalkSettings) -> float:
    """The median duration of a call on the CUDA device; infinity where it takes more than the device has."""
    from triton.runtime.errors import TritonError
    from triton.testing import do_bench

    try:
        taken = do_bench(lambda: run(settings), warmup=10, rep=50, return_mode="median")
    except (TritonError, torch.OutOfMemoryError):
        return math.inf
    assert isinstance(taken, float)  # of one quantile
    return taken
