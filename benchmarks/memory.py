"""The schedule's predicted peak of feature buffers against what was really held, and the whole peak besides.

    python benchmarks/memory.py [--batch 8] [--size 224]

Every buffer that a step gives is watched by a weak reference to its memory: what is still alive when a step has run is
what the allocator holds. The images are the caller's and count on neither side. The whole peak, from the profiler's
events of memory, also counts what parts hold inside themselves, without weights; "unfused" is the pipeline of SS2D over
its scan, in plain PyTorch.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import weakref
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from peers import machine
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile

import sparx_dsl
from sparx_dsl.lowering import Backbone
from sparx_dsl.ops.backends import VARIABLE
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.schedule.values import IMAGES

SPECS = Path(__file__).parent.parent / "specs"
NAMES = ("sparx_mamba_t", "sparx_swin_t")


class Alive:
    """The bytes of memory that lives, of those blocks that were ever noted, and the most of them at any note."""

    def __init__(self) -> None:
        self.bytes = 0
        self.peak = 0
        self.known: set[int] = set()

    def note(self, tensor: Tensor) -> None:
        """Watch a tensor's memory until it is freed."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.bytes += size
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.bytes -= size


class Watched(TorchFunctionMode):
    """Watches what the parts of a backbone give, and what is concatenated between them, while it runs in a block."""

    def __init__(self, model: Backbone, alive: Alive) -> None:
        super().__init__()
        self.alive = alive
        self.inside = False
        parts = [model.get_submodule(step.module) for step in model.schedule.steps if isinstance(step, Run)]
        self.handles = [part.register_forward_pre_hook(self.before) for part in parts]
        self.handles += [part.register_forward_hook(self.after) for part in parts]

    def before(self, part: nn.Module, inputs: object) -> None:
        """A part begins: what it concatenates is its own."""
        self.inside = True

    def after(self, part: nn.Module, inputs: object, output: Tensor) -> None:
        """Note what a part gives."""
        self.inside = False
        self.alive.note(output)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.cat and not self.inside:
            self.alive.note(result)
        return result

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for handle in self.handles:
            handle.remove()


def predicted_peak(schedule: Schedule) -> int:
    """The most bytes of buffers, but for the images, that the schedule holds while a step runs."""
    return max(sum(schedule.buffers[name].bytes for name in held if name != IMAGES) for held in schedule.lives)


@torch.inference_mode(False)
@torch.no_grad()
def measure(model: Backbone, images: Tensor) -> tuple[int, int]:
    """The peak of feature buffers, and that of everything but the weights and the images, in bytes."""
    features = Alive()
    with Watched(model, features):
        model(images)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        model(images)
    return features.peak, allocated_peak(seen)


def allocated_peak(seen: profile) -> int:
    """The most bytes that the allocator held during a profile, over what it held before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        seen.export_chrome_trace(str(path))
        trace = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in trace if event["name"] == "[memory]")
    return max(accumulate(change for _, change in changes))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    print(machine())
    print(f"batch {options.batch}, {options.size} × {options.size}, float32; bytes")
    print(f"{'model':<28} {'predicted':>14} {'measured':>14} {'ratio':>7} {'whole peak':>14}")
    images = torch.randn(options.batch, 3, options.size, options.size)
    for name in NAMES:
        plain = sparx_dsl.build(SPECS / f"{name}.yaml").eval()
        predicted = predicted_peak(sparx_dsl.plan(plain.spec, (options.size, options.size), options.batch))
        for label, model, backend in (
            ("unfused", plain, "torch"),
            ("plain", plain, ""),
            ("deployed", sparx_dsl.deploy(plain), ""),
        ):
            os.environ[VARIABLE] = backend
            measured, whole = measure(model, images)
            ratio = measured / predicted
            print(f"{f'{name}, {label}':<28} {predicted:>14,} {measured:>14,} {ratio:>7.4f} {whole:>14,}", flush=True)


if __name__ == "__main__":
    main()
