"""What each pass of ``deploy`` is worth: the deployed model without it, beside the model with all, in the same run.

    python benchmarks/passes.py [--batch 1 8] [--dtype float32] [--runs 9]

A ratio is the median, over turns, of the time without the pass over the time with all passes: above 1 it pays.
"""

from __future__ import annotations

import argparse
import statistics
from functools import partial
from pathlib import Path

import torch
from peers import in_turn, machine

import sparx_dsl
from sparx_dsl.inference.deploy import INFERENCE, deploy

SPECS = Path(__file__).parent.parent / "specs"
MODELS = ("sparx_mamba_t", "sparx_swin_t", "swin_t")
SIZE = 224


@torch.inference_mode()
def ablate(name: str, batch: int, dtype: str, runs: int) -> None:
    """Print one row for each pass."""
    torch.manual_seed(0)
    plain = sparx_dsl.build(SPECS / f"{name}.yaml", dtype=dtype).eval()
    images = torch.randn(batch, 3, SIZE, SIZE, dtype=getattr(torch, dtype))
    models = {"all passes": deploy(plain)}
    for left_out in INFERENCE:
        models[left_out.name] = deploy(plain, [each for each in INFERENCE if each is not left_out])
    calls = {label: partial(model, images) for label, model in {**models, "any of them": plain}.items()}
    taken = in_turn(calls, runs)
    whole = taken.pop("all passes")
    print(f"{name}, {dtype}, batch {batch}: {statistics.median(whole) / batch:.1f} ms/image with all passes")
    for label, without in taken.items():
        ratio = statistics.median(a / b for a, b in zip(without, whole, strict=True))
        print(f"    without {label:<32} {ratio:>6.3f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    print(machine())
    for name in MODELS:
        for batch in options.batch:
            ablate(name, batch, options.dtype, options.runs)


if __name__ == "__main__":
    main()
