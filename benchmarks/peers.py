"""What the benchmarks share: the peer from timm, runs in turn, and what to say of the machine."""

# pyright: reportMissingImports=false
# What the extra bench brings is looked for when it is needed, and may be missing.

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision

CPU_INFO = Path("/proc/cpuinfo")


def import_timm() -> Any | None:
    """The package timm; None, said on the output, where it cannot be imported."""
    try:
        import_torchvision()
        import timm
    except (ImportError, sparx_dsl.SparxError) as error:
        print(f"timm cannot be imported ({error}): its column is not measured")
        return None
    return timm


def paired(ours: Callable[[], object], peer: Callable[[], object], runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of both, in turn, so that a drift of the machine's speed meets both."""
    mine, theirs = in_turn({"ours": ours, "peer": peer}, runs).values()
    return mine, theirs


def in_turn(
    calls: Mapping[str, Callable[[], object]], runs: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Milliseconds of each of several calls: all of them in turn, that many times, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(runs):
        for name, call in calls.items():
            started = clock()
            call()
            taken[name].append((clock() - started) * 1e3)
    return taken


def machine(packages: Sequence[str] = ()) -> str:
    """The processor, its cores, the threads in use, the versions, and what TF32 is set to: one line."""
    import torch

    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    tf32 = f"TF32 matmul {torch.backends.cuda.matmul.allow_tf32}, convolution {torch.backends.cudnn.allow_tf32}"
    versions = [f"Python {platform.python_version()}", f"torch {torch.__version__}", *packages]
    versions.append(f"sparx_dsl {sparx_dsl.__version__}")
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{processor}, {cores}, {device}; {', '.join(versions)}; {tf32}"
