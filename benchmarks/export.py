"""How far exported backbones are from ours, and how fast their runtimes are beside our deployed backbone on this CPU.

    python benchmarks/export.py [--models sparx_mamba_t …] [--formats onnx pt2 aoti executorch] [--size 224]

Every file takes any number of images, and is run with 1 and 3 of them for the error, relative to the largest value.
Then it and our deployed backbone run in turn on one image; the ratio is the median over the turns of its time over
ours. With one thread that is time on the CPU, which other processes on the machine do not lengthen. What is exported
is the plain model, or with ``--deploy`` the deployed one; with ``--static`` it is for one image.
"""

# pyright: reportMissingModuleSource=false
# executorch is an extra of its own; its types are in typings/.

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peers import in_turn, machine
from torch import Tensor

import sparx_dsl

MODELS = ("sparx_mamba_t", "sparx_ssm_t", "sparx_bi_ssm_t", "sparx_swin_t")
"""A backbone of the size T for each of the paper's four mixers."""
EXTENSIONS = {"onnx": ".onnx", "pt2": ".pt2", "aoti": ".pt2", "executorch": ".pte"}
FORMATS = ("onnx", "pt2", "aoti")
"""Those that are measured by default; ExecuTorch, which takes one number of images, is on request."""


def compare(name: str, format: Any, options: argparse.Namespace, folder: Path) -> str:
    """One line for one file: its error, milliseconds of both, their ratio, its size."""
    torch.manual_seed(0)
    model = sparx_dsl.build(name).eval()
    deployed = sparx_dsl.deploy(model)
    path, size = folder / f"{name}{EXTENSIONS[format]}", (options.size, options.size)
    dynamic = () if options.static or format == "executorch" else ("batch",)
    written = sparx_dsl.export(deployed if options.deploy else model, path, format, size, dynamic=dynamic)
    images = torch.randn(1, model.spec.input.channels, *size)
    run = loaded(format, path, options.threads)
    calls: dict[str, Callable[[], object]] = {format: lambda: run(images), "deployed": lambda: deployed(images)}
    clock = time.process_time if options.threads == 1 else time.perf_counter
    with torch.inference_mode():
        theirs, ours = in_turn(calls, options.runs, clock).values()
    ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    numbers = " and ".join(map(str, written.batches))
    return (
        f"{name:<15} {format:<5} error {written.error:.1e} with {numbers}   {statistics.median(theirs):7.1f} ms   "
        f"deployed {statistics.median(ours):7.1f} ms   ratio {ratio:5.2f}   {written.bytes / 1e6:.0f} MB"
    )


def loaded(format: str, path: Path, threads: int) -> Callable[[Tensor], object]:
    """What runs a file with images (batch, channels, height, width)."""
    if format == "pt2":
        return torch.export.load(path).module()
    if format == "aoti":
        return torch._inductor.aoti_load_package(str(path))  # pyright: ignore
    if format == "executorch":
        from executorch.runtime import Runtime

        method: Any = Runtime.get().load_program(path).load_method("forward")
        return lambda images: method.execute([images])
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session: Any = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images.numpy()})


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=EXTENSIONS)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--deploy", action="store_true")
    parser.add_argument("--static", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine())
    for name in options.models:
        for format in options.formats:
            with tempfile.TemporaryDirectory() as folder:
                print(compare(name, format, options, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
