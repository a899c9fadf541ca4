"""How many backbones a second are priced: one by one, from text, and by the thousand; and with other tools beside it.

    python benchmarks/pricing.py

Prints prices a second on one thread, with versions and the machine. The other tools (timm on the meta device with
torch's counter, fvcore, ptflops; extra ``bench``) price a Swin-T in turn with ours; one that is missing is left out.
"""

# pyright: reportMissingImports=false
# What the extra bench brings is looked for when it is needed, and may be missing.

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.search import load_space

ROOT = Path(__file__).parent.parent / "specs"
PEER = "swin_tiny_patch4_window7_224"
EDITS: Mapping[str, Sequence[object]] = {
    "stages.3.S": (1, 2, 3), "stages.3.depth": range(5, 19), "stages.1.channels": range(64, 160, 32),
    "stages.3.channels": range(256, 640, 32), "stages.4.channels": range(512, 1024, 64), "stages.2.depth": (2, 3, 4),
    "layer.ffn.ratio": (2, 3, 4), "input.size": range(192, 320, 32), "stages.4.depth": (2, 3),
}  # fmt: skip


def show(what: str, count: int, seconds: float) -> None:
    """One row: how many a second."""
    print(f"{what:<72} {count / seconds:>12,.0f}")


def timed(call: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def edited(name: str, count: int, seed: int) -> list[dict[str, object]]:
    """That many sets of four edits that a spec takes, drawn at random."""
    spec, rng = sparx_dsl.load_spec(ROOT / f"{name}.yaml"), random.Random(seed)  # noqa: S311
    found: list[dict[str, object]] = []
    while len(found) < count:
        changes = {key: rng.choice(EDITS[key]) for key in rng.sample(sorted(EDITS), 4)}
        try:
            sparx_dsl.connect(spec.edit(changes))
        except sparx_dsl.SparxError:
            continue
        found.append(changes)
    return found


def single(name: str, count: int) -> None:
    """Backbones that were never priced before, each by itself."""
    spec = sparx_dsl.load_spec(ROOT / f"{name}.yaml")
    changes = edited(name, count, 1)
    specs = [spec.edit(change) for change in changes]
    show(f"{name}: prices(spec) of edited specs", count, timed(lambda: [sparx_dsl.prices(one) for one in specs]))
    again = edited(name, count, 2)
    show(f"{name}: spec.edit(…), then prices", count,
         timed(lambda: [sparx_dsl.prices(spec.edit(change)) for change in again]))  # fmt: skip
    texts = [sparx_dsl.dump_spec(spec.edit(change)) for change in edited(name, count, 3)]
    show(f"{name}: prices(text) of YAML", count, timed(lambda: [sparx_dsl.prices(text) for text in texts]))
    more = [sparx_dsl.connect(spec.edit(change)) for change in edited(name, count, 4)]
    show(f"{name}: cost(graph), all rows", count, timed(lambda: [sparx_dsl.cost(graph).totals for graph in more]))


def batched(count: int) -> None:
    """Points of a space of 10^16."""
    space = load_space(ROOT / "spaces" / "wide.yaml")
    print(f"{space.name}: {space.count:,} points, {len(space.choices)} choices")
    for what in ("the first, tables made on the way", "others"):
        seed = len(what)
        rows: list[Any] = []
        drawing = timed(lambda seed=seed, rows=rows: rows.append(space.sample_many(count, seed)))
        pricing = timed(lambda rows=rows: space.prices_of(rows[0]))
        show(f"sample_many({count:,}): {what}", count, drawing)
        show(f"prices_of, an array of {count:,} points: {what}", count, pricing)
    points = [space.point_at(row) for row in space.sample_many(20_000, 7)]
    show("prices_of, a list of 20,000 points", len(points), timed(lambda: space.prices_of(points)))


def peers() -> dict[str, Callable[[], object]]:
    """The other tools, each a call that makes a Swin-T and prices it."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    import_torchvision()
    import timm

    def model(device: str) -> torch.nn.Module:
        with torch.device(device):
            return timm.create_model(PEER).eval()

    def counter() -> object:
        built = model("meta")
        with FlopCounterMode(display=False) as counting, torch.no_grad():
            built(torch.empty(1, 3, 224, 224, device="meta"))
        return counting.get_total_flops(), sum(parameter.numel() for parameter in built.parameters())

    found: dict[str, Callable[[], object]] = {f"timm {timm.__version__} on meta + FlopCounterMode": counter}
    try:
        from fvcore.nn import FlopCountAnalysis

        def fvcore() -> object:
            analysis = FlopCountAnalysis(model("cpu"), torch.zeros(1, 3, 224, 224))
            return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

        found["timm + fvcore"] = fvcore
    except ImportError:
        print("fvcore is not installed")
    try:
        from ptflops import get_model_complexity_info

        def ptflops() -> object:
            return get_model_complexity_info(model("cpu"), (3, 224, 224), as_strings=False, print_per_layer_stat=False)

        found["timm + ptflops"] = ptflops
    except ImportError:
        print("ptflops is not installed")
    return found


def beside(runs: int) -> None:
    """Ours and the other tools in turn, on a Swin-T, each made anew."""
    text = (ROOT / "swin_t.yaml").read_text(encoding="utf-8")
    spec = sparx_dsl.parse_spec(text)
    widths = iter(range(1, 10**9))

    def ours() -> object:
        # Another number of classes each time, so that no spec was priced before.
        return sparx_dsl.prices(fresh.pop())

    others = peers()
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    for call in others.values():
        call()
    for _ in range(runs):
        fresh = [spec.edit({"head.classes": next(widths)})]
        seconds["ours"].append(timed(ours))
        for name, call in others.items():
            seconds[name].append(timed(call))
    for name, taken in seconds.items():
        label = "prices(spec) of an edited swin_t" if name == "ours" else name
        print(f"{label:<72} {statistics.median(taken) * 1e3:>9.2f} ms {1 / statistics.median(taken):>9,.1f} a second")
    best = min(others, key=lambda name: statistics.median(seconds[name]))
    ratios = [theirs / own for own, theirs in zip(seconds["ours"], seconds[best], strict=True)]
    print(f"as many times as fast as the best of them, {best}; median of the pairs: {statistics.median(ratios):,.0f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000, help="backbones that are priced one by one")
    parser.add_argument("--batch", type=int, default=200_000, help="points that are priced at once")
    parser.add_argument("--runs", type=int, default=7, help="turns with the other tools")
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, sparx_dsl {sparx_dsl.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {versions}")
    print(f"{'':<72} {'a second':>12}")
    for name in ("sparx_mamba_t", "sparx_swin_b"):
        single(name, options.count)
    batched(options.batch)
    try:
        beside(options.runs)
    except ImportError as error:
        print(f"the other tools cannot be imported: {error}")


if __name__ == "__main__":
    main()
