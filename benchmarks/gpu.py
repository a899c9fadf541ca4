"""Everything that is measured on a CUDA device, in one command and less than 150 seconds.

    python benchmarks/gpu.py [--batch 128] [--seconds 140] [--tune] [--output table.md]

Checks all kernels against float64, and gradients of whole models; times the scans, norms and convolutions beside
PyTorch's, whole models plain, deployed, captured in a CUDA graph and compiled, and steps of training with the memory
that they take, with timm's Swin of the same letter in the same run; last, what tuning gives. What does not fit the
seconds is "no time", the least important last. ``--tune`` does only the tuning. ``--output`` writes the tables of
docs/benchmarks.md. Settings that ``sparx tune`` has kept are not read, unless SPARX_TUNE is set.

Without a CUDA device it compiles the kernels for several, prints what registers they take, and measures nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from gpu_kernels import correctness, registers, scans
from gpu_maps import correctness as maps_correctness
from gpu_maps import maps, products
from gpu_timing import Report, captured, milliseconds
from gpu_training import by_pytorch, gradients_correctness, training
from gpu_tuned import tuned
from peers import import_timm, machine
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.ops.triton_kernels.availability import problem
from sparx_dsl.ops.triton_kernels.tuning import VARIABLE

LETTERS = {"t": "tiny", "s": "small", "b": "base"}
FAMILIES = ("sparx_mamba", "vmamba", "sparx_swin")
SIZE = 224


def images_of(batch: int) -> Tensor:
    """Random images in bfloat16."""
    return torch.randn(batch, 3, SIZE, SIZE, device="cuda", dtype=torch.bfloat16)


def peer(letter: str) -> nn.Module | None:
    """timm's Swin of that letter; None where timm is missing."""
    timm = import_timm()
    if timm is None:
        return None
    model: nn.Module = timm.create_model(f"swin_{LETTERS[letter]}_patch4_window7_224").cuda()
    return model


def built(family: str, letter: str) -> nn.Module:
    """A model of the zoo, with random weights."""
    torch.manual_seed(0)
    return sparx_dsl.build(f"{family}_{letter}", device="cuda")


class Forms:
    """A model's forms for inference in bfloat16, and what they take."""

    def __init__(self, plain: nn.Module) -> None:
        self.plain = plain.eval().bfloat16()
        self.deployed = sparx_dsl.deploy(plain) if isinstance(plain, Backbone) else plain

    def capture(self, model: nn.Module, images: Tensor) -> Callable[[], object]:
        """A replay for those images: ours by ``cuda_graph``, whose results are those of the model itself."""
        if not isinstance(model, Backbone):
            return captured(partial(model, images))
        graph = sparx_dsl.cuda_graph(model, images)
        assert torch.allclose(graph(images), model(images), rtol=1e-2, atol=1e-2)
        return partial(graph, images)

    def a_second(self, model: Callable[[Tensor], object], batch: int) -> float:
        """Images a second."""
        return batch / milliseconds(partial(model, images_of(batch)), runs=7) * 1e3

    def one(self, model: nn.Module) -> float:
        """Milliseconds for one image, in a CUDA graph."""
        return milliseconds(self.capture(model, images_of(1)))


@torch.inference_mode()
def inference(report: Report, batch: int) -> None:
    """Images a second of every model, beside timm's Swin of its letter; milliseconds for one image."""
    columns = ("deployed", "to Swin", "plain", "1 deployed, ms", "1 captured, ms")
    report.heading(f"Inference in bfloat16, batch {batch}, images a second", "model", *columns)
    for letter in LETTERS:
        swin = peer(letter)
        base: float | str | None = None
        if swin is not None:
            forms = Forms(swin)
            base = report.measure(partial(forms.a_second, forms.plain, batch))
            eager = report.measure(partial(milliseconds, partial(forms.plain, images_of(1))))
            report.row(f"timm Swin-{letter.upper()}", None, None, base, eager,
                       report.measure(partial(forms.one, forms.plain)))  # fmt: skip
        for family in FAMILIES:
            if f"{family}_{letter}" not in sparx_dsl.list_specs():
                continue
            forms = Forms(built(family, letter))
            fast = report.measure(partial(forms.a_second, forms.deployed, batch))
            plain = report.measure(partial(forms.a_second, forms.plain, batch))
            eager = report.measure(partial(milliseconds, partial(forms.deployed, images_of(1))))
            report.row(f"{family}_{letter}", fast, ratio(fast, base), plain, eager,
                       report.measure(partial(forms.one, forms.deployed)))  # fmt: skip


def ratio(mine: float | str | None, theirs: float | str | None) -> float | None:
    """Mine over theirs, where both are numbers."""
    return mine / theirs if isinstance(mine, float) and isinstance(theirs, float) else None


def trained(report: Report, batch: int) -> None:
    """Steps of training of the models of the first letter; SparX-Mamba also by PyTorch's norms and convolutions."""
    rows: dict[str, Callable[[], nn.Module | None]] = {"timm Swin-T": partial(peer, "t")}
    rows |= {f"{family}_t": partial(built, family, "t") for family in FAMILIES}
    rows["sparx_mamba_t, PyTorch's norms and convolutions"] = lambda: by_pytorch(built("sparx_mamba", "t"))
    training(report, rows, batch, SIZE)


@torch.inference_mode()
def compiled(report: Report, batch: int) -> None:
    """Images a second through torch.compile, of the deployed models of the first letter."""
    report.heading(f"Deployed, through torch.compile, batch {batch}", "model", "images a second", "to not compiled")
    for family in FAMILIES:
        forms = Forms(built(family, "t"))
        plain = report.measure(partial(forms.a_second, forms.deployed, batch), seconds=20)
        fast = report.measure(partial(forms.a_second, torch.compile(forms.deployed, dynamic=False), batch), seconds=20)
        report.row(f"{family}_t", fast, ratio(fast, plain))


def main() -> None:
    """Measure and print; the status is 1 where a kernel is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=140.0)
    parser.add_argument("--tune", action="store_true", help="only tune the settings of SS2D")
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    os.environ.setdefault(VARIABLE, "0")
    report, good = Report(options.seconds), True
    report.say(machine())
    obstacle = problem("cuda")
    if not torch.cuda.is_available() or obstacle is not None:
        registers(report)
        report.say("\nnot measured: " + ("no CUDA device" if not torch.cuda.is_available() else str(obstacle)))
    elif options.tune:
        tuned(report, options.batch)
    else:
        good = correctness(report) & maps_correctness(report) & gradients_correctness(report)
        for part in (scans, maps, products, inference, trained, compiled, tuned):
            part(report, options.batch)
    if options.output is not None:
        options.output.write_text("\n".join(report.lines) + "\n", encoding="utf-8")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
