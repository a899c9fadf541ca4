"""What it costs that layers and stages are called: a backbone beside the straight code of its fx graph, in one run.

    python benchmarks/layers.py [--size 32] [--runs 100]

Both run the same parts with the same frees. Small images, where Python counts; a ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peers import in_turn, machine
from torch import Tensor, fx

import sparx_dsl
from sparx_dsl.lowering.fxgraph import fx_graph

SPECS = Path(__file__).parent.parent / "specs"


def compare(label: str, model: sparx_dsl.Backbone, images: Tensor, runs: int) -> None:
    """Print one row."""
    straight = fx.GraphModule(model, fx_graph(model.schedule))

    def call(forward: Callable[[Tensor], Any]) -> Callable[[], object]:
        return lambda: forward(images)

    taken = in_turn({"called": call(model), "straight": call(straight)}, runs)
    called, flat = (statistics.median(taken[name]) for name in ("called", "straight"))
    print(f"{label:<28} {called:>8.2f} ms   straight code {flat:>8.2f} ms   ratio {called / flat:.3f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    print(machine())
    torch.set_num_threads(1)
    images = torch.randn(1, 3, options.size, options.size)
    model = sparx_dsl.build(SPECS / "sparx_mamba_t.yaml").eval()
    with torch.no_grad():
        compare("SparX-Mamba-T", model, images, options.runs)
        compare("SparX-Mamba-T, deployed", sparx_dsl.deploy(model), images, options.runs)
    compare("SparX-Mamba-T, recording", model, images, options.runs)


if __name__ == "__main__":
    main()
