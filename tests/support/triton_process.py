"""Runs in a process of its own for the tests of kernels, since Triton decides at import whether it interprets."""

# Triton and kernels written in it have no types.
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any


def packed(value: Any) -> bytes:
    """Tensors, with their strides, as bytes."""
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def unpacked(text: bytes) -> Any:
    """What ``packed`` packed."""
    import torch

    return torch.load(io.BytesIO(text), weights_only=True)


def interpreted(function: str, arguments: bytes, settings: Mapping[str, Any] | None = None) -> bytes:
    """Call one of the backend's functions in Triton's interpreter, the fused ones with those settings if any."""
    import torch

    from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
    from sparx_dsl.ops.triton_kernels.launch_scan import scan, scan_backward
    from sparx_dsl.ops.triton_kernels.launch_ss2d import ss2d, ss2d_backward
    from sparx_dsl.ops.triton_kernels.settings import WalkSettings

    torch.set_num_threads(1)
    # Numpy's, of overflow for one: nothing that is thrown away later should overflow either.
    warnings.simplefilter("error", RuntimeWarning)
    given, chosen = unpacked(arguments), None if settings is None else WalkSettings(**settings)
    match function:
        case "scan":
            return packed(scan(ScanInputs(*given)))
        case "scan_backward":
            return packed(scan_backward(given[0], ScanInputs(*given[1:])))
        case "ss2d":
            return packed(ss2d(SS2DInputs(*given), settings=chosen))
        case _:
            return packed(ss2d_backward(given[0], SS2DInputs(*given[1:]), settings=chosen))


def interpreted_maps(name: str, tensors: bytes, options: tuple[Any, ...], gradient: bytes) -> bytes:
    """An operator on maps in the interpreter: its first result, and the gradients of its tensors for that gradient."""
    import torch

    from sparx_dsl.ops import map_backends, map_operators

    torch.set_num_threads(1)
    warnings.simplefilter("error", RuntimeWarning)
    given = [each if each is None else each.detach().requires_grad_() for each in unpacked(tensors)]
    assert given[0] is not None
    assert map_backends.kernels_serve(given[0])
    found = getattr(map_operators, name)(*given, *options)
    first = found[0] if isinstance(found, tuple) else found
    there = [each for each in given if each is not None]
    return packed([first.detach(), *torch.autograd.grad(first, there, unpacked(gradient))])


def interpreter_fault() -> str | None:
    """What Triton's interpreter fails with on two lines that read the end of a loop from an argument; None if it runs.

    Triton before 3.7 does so with numpy from 2.4 on, which no longer makes a number of an array of one element.
    """
    import numpy as np
    import triton
    from triton.runtime.errors import InterpreterError

    @triton.jit
    def count(times: Any) -> None:
        for _ in range(times):
            pass

    try:
        count[(1,)](1)
    except InterpreterError as error:
        return f"Triton {triton.__version__} with numpy {np.__version__}: {error}"
    return None


def problem(device_type: str) -> str | None:
    """The backend's own word on whether it runs in this process."""
    from sparx_dsl.ops.triton_kernels import availability

    return availability.problem(device_type)


def compiled(target: str, kernel: str, dtype: str) -> tuple[int, int, int]:
    """Compile a kernel for a device that need not be here: its registers, bytes spilled, and bytes shared."""
    import torch

    from sparx_dsl.ops.triton_kernels import map_targets, targets

    resources = map_targets.map_resources if kernel in map_targets.NAMES else targets.resources
    found = resources(target, kernel, getattr(torch, dtype))
    return found.registers, found.spilled, found.shared


def operators_on_cuda(layout: str) -> dict[str, list[tuple[str, list[Any]]]]:
    """What modules for training call on fake tensors of a CUDA device: this project's operators and their options."""
    import torch
    from torch import Tensor, nn
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    from sparx_dsl.nn.convolution import convolve
    from sparx_dsl.nn.norm import make_norm

    class Calls(TorchDispatchMode):
        """A list of the calls of operators on maps."""

        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, list[Any]]] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.found.append((str(func), [each for each in args if not isinstance(each, Tensor | None)]))
            return func(*args, **(kwargs or {}))

    def on_cuda(module: nn.Module) -> nn.Module:
        for name, each in list(module.named_parameters()):
            module.register_parameter(name, nn.Parameter(torch.empty(each.shape, device="cuda")))
        return module

    def conv(kernel: int, stride: int = 1, groups: int = 8) -> nn.Module:
        return nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=groups, device="meta")

    made = {
        "group": make_norm("group", 8, device="meta"), "layer": make_norm("layer", 8, device="meta"),
        "3": conv(3), "7": conv(7), "9": conv(9), "strided": conv(3, stride=2), "grouped": conv(3, groups=2),
        "watched": conv(3),
    }  # fmt: skip

    def hook(*given: object) -> None:
        """Watch, and change nothing."""

    made["watched"].register_forward_hook(hook)
    found: dict[str, list[tuple[str, list[Any]]]] = {}
    with FakeTensorMode(), torch.no_grad():
        x = torch.empty(2, 8, 6, 6, device="cuda", memory_format=getattr(torch, layout))
        for name, module in made.items():
            on_cuda(module)
            with Calls() as calls:
                if name in ("group", "layer"):
                    module(x)
                else:
                    convolve(module, x, activation="silu")
            found[name] = [(called, options) for called, options in calls.found if "sparx_dsl" in called]
    return found
