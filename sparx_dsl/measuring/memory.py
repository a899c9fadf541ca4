"""The peak of memory while a model runs, over what was held before: so without weights and images."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


def allocated_peak(call: Callable[[], None], device: str) -> int | None:
    """The most bytes that the allocator holds during a call, over what it held before; None where it does not say.

    On CUDA the allocator counts; on the CPU its events are summed, which PyTorch's profiler records.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    return _peak_of_events(call) if kind == "cpu" else None


def _peak_of_events(call: Callable[[], None]) -> int | None:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        seen.export_chrome_trace(str(path))
        trace = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in trace if event["name"] == "[memory]")
    return max(accumulate((change for _, change in changes), initial=0))
