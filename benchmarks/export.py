"""How fast onnxruntime runs an exported backbone beside our deployed one on this CPU, and how far its results are off.

    python benchmarks/export.py [--models sparx_mamba_t sparx_swin_t] [--size 224] [--threads 1] [--runs 11]

Both run in turn on one image; the ratio is the median over the turns of onnxruntime's time over ours. What is exported
is the plain model, or with ``--deploy`` the deployed one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from peers import in_turn, machine

import sparx_dsl

SPECS = Path(__file__).parent.parent / "specs"


def compare(name: str, options: argparse.Namespace, folder: Path) -> str:
    """One line for one model: milliseconds of both, their ratio, the error, the file's size."""
    torch.manual_seed(0)
    model = sparx_dsl.build(SPECS / f"{name}.yaml").eval()
    deployed = sparx_dsl.deploy(model)
    path, size = folder / f"{name}.onnx", (options.size, options.size)
    written = sparx_dsl.export(deployed if options.deploy else model, path, "onnx", size)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session: Any = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    images = torch.randn(1, model.spec.input.channels, *size)
    calls: dict[str, Callable[[], object]] = {
        "onnxruntime": lambda: session.run(None, {"images": images.numpy()}),
        "deployed": lambda: deployed(images),
    }
    with torch.inference_mode():
        theirs, ours = in_turn(calls, options.runs).values()
    ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
    return (
        f"{name:<16} onnxruntime {statistics.median(theirs):7.1f} ms   deployed {statistics.median(ours):7.1f} ms   "
        f"ratio {ratio:5.2f}   error {written.error:.1e}   {written.bytes / 1e6:.0f} MB"
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["sparx_mamba_t", "sparx_swin_t"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--deploy", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine([f"onnxruntime {onnxruntime.__version__}"]))
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            print(compare(name, options, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
