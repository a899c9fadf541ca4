"""How fast specs are priced, built and compiled, beside timm in the same run.

    python benchmarks/compiling.py [SPEC]

Prints medians in milliseconds, with versions and the machine. timm and torchvision are needed for the peer's column
(extra ``bench``); it is left out, and said so, where they are missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from peers import import_timm, paired

import sparx_dsl

SPEC = Path(__file__).parent.parent / "specs" / "sparx_swin_b.yaml"
PEER = "swin_base_patch4_window7_224"


def milliseconds(call: Callable[[], object], runs: int) -> list[float]:
    """The duration of each of that many calls, after one that is not counted."""
    call()
    taken: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1e3)
    return taken


def show(what: str, taken: list[float]) -> None:
    """One row: median, least and most."""
    print(f"{what:<64} {statistics.median(taken):>9.1f} {min(taken):>9.1f} {max(taken):>9.1f}")


def meta_builds(spec: sparx_dsl.Spec, runs: int) -> None:
    """Building on the meta device against timm's Swin-B."""
    import torch

    def ours() -> object:
        return sparx_dsl.build(spec, device="meta")

    timm = import_timm()
    if timm is None:
        show(f"build {spec.name} on the meta device", milliseconds(ours, runs))
        return

    def peer() -> object:
        with torch.device("meta"):
            return timm.create_model(PEER)

    mine, theirs = paired(ours, peer, runs)
    show(f"build {spec.name} on the meta device", mine)
    show(f"timm {timm.__version__}: {PEER} on the meta device", theirs)
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    print(f"ratio, ours over timm's, median of the pairs: {statistics.median(ratios):.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="?", type=Path, default=SPEC)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    path, runs = options.spec, options.runs
    versions = f"Python {platform.python_version()}, sparx_dsl {sparx_dsl.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {versions}")
    print(f"{'milliseconds':<64} {'median':>9} {'least':>9} {'most':>9}")
    show("load + connect + plan + price, warm", milliseconds(lambda: sparx_dsl.cost(path).params, runs))
    print(f"torch imported so far: {'yes' if 'torch' in sys.modules else 'no'}")
    command = [sys.executable, "-m", "sparx_dsl", "compile", str(path)]
    show(
        "sparx-compile as a whole process",
        milliseconds(lambda: subprocess.run(command, check=True, capture_output=True), 3),
    )
    meta_builds(sparx_dsl.load_spec(path), runs)


if __name__ == "__main__":
    main()
