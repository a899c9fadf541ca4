"""Compile the kernels for devices that need not be here, and say what registers they take.

CUDA's compiler is part of the triton package; so is AMD's. What a kernel is compiled with is what a launch of it on
the sizes of a model would compile it with.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from sparx_dsl.ops.triton_kernels.blocks import backward_blocks, forward_blocks, power_of_two
from sparx_dsl.ops.triton_kernels.buffers import sizes
from sparx_dsl.ops.triton_kernels.settings import (
    WalkSettings,
    WalkShape,
    backward_settings,
    forward_settings,
    value_block,
)

FLOATS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
ACTIVATIONS = frozenset(
    {"x", "projected", "gradient", "u", "delta", "B", "C", "y", "u_gradient", "delta_gradient",
     "out", "second", "third"}
)  # fmt: skip
"""The kernels' pointers to activations, in their dtype."""
MAPS = frozenset({"sums", "maps", "x_gradients"})
"""Their pointers to maps of walks: in the activations' dtype, but float32 for float16 (see ``buffers.walk_maps``)."""
LOW = frozenset({"scratch", "value_gradients"})
"""Their pointers to what is float32 for float32, and else bfloat16."""
TARGETS: dict[str, tuple[str, int | str, int]] = {
    "8.0": ("cuda", 80, 32),
    "8.9": ("cuda", 89, 32),
    "9.0": ("cuda", 90, 32),
    "gfx90a": ("hip", "gfx90a", 64),
    "gfx942": ("hip", "gfx942", 64),
}
"""Capabilities of CUDA devices, and architectures of AMD's, with the lanes of their warps."""


SIZES = {
    "56 × 56": (192, 3136, 6), "28 × 28": (384, 784, 12), "14 × 14": (640, 196, 20), "7 × 7": (1024, 49, 32),
}  # fmt: skip
"""Channels, positions and rank of the fused SS2D in the stages of SparX-Mamba-T."""
NAMES = (
    "scan, forward", "scan, backward",
    *(f"SS2D, {direction}, {size}" for direction in ("forward", "backward") for size in SIZES),
    *(f"SS2D, forward, {size}, batch 1" for size in SIZES),
)  # fmt: skip
"""What ``resources`` compiles."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a thread of a compiled kernel takes: registers, bytes beyond them (spilled), and bytes shared by a block."""

    registers: int
    spilled: int
    shared: int


def resources(target: str, name: str, dtype: torch.dtype) -> Resources:
    """Compile the kernel of that name, one of ``NAMES``, for one of ``TARGETS``, as SparX-Mamba-T launches it."""
    from sparx_dsl.ops.triton_kernels.scan_backward import scan_backward
    from sparx_dsl.ops.triton_kernels.scan_forward import scan_forward
    from sparx_dsl.ops.triton_kernels.ss2d_backward import walk_backward
    from sparx_dsl.ops.triton_kernels.ss2d_forward import walk_forward

    what, direction, *size = name.split(", ")
    forward = direction == "forward"
    if what == "scan":
        blocks = forward_blocks(192, 128) if forward else backward_blocks(192)
        constants = sizes(1, blocks, 192) | {
            "HAS_D": True, "HAS_BIAS": True, "SOFTPLUS": True, "STATES_ONLY": False, "PRECISE": dtype == torch.float32,
            # Of channels-last activations, a stride of 1 that Triton compiles in.
            "u_channel": 1, "delta_channel": 1, "g_channel": 1,
        }  # fmt: skip
        return compile_for(target, scan_forward if forward else scan_backward, constants, dtype, blocks.warps)
    channels, positions, rank = SIZES[size[0]]
    batch = 1 if size[1:] else 128
    shape = WalkShape(batch, channels, positions, rank, 1, dtype == torch.float32)
    settings = forward_settings(shape) if forward else backward_settings(shape)
    constants = walk_constants_for(shape, settings, dtype)
    return compile_for(target, walk_forward if forward else walk_backward, constants, dtype, settings.warps)


def compile_for(
    target: str, kernel: object, constants: Mapping[str, object], dtype: torch.dtype, warps: int
) -> Resources:
    """Compile a kernel for one of ``TARGETS`` with those constants, on activations of that dtype.

    As for tensors that PyTorch allocates, and channels in multiples of 16. Raises what the compiler raises.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler import compile as compile_source

    assert isinstance(kernel, triton.JITFunction)
    names = kernel.arg_names
    known = {name: constants[name] for name in names if name in constants} | (
        {"PTX": target[0].isdigit()} if "PTX" in names else {}
    )
    types = {name: "constexpr" if name in known else _type(name, dtype) for name in names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, parameter in enumerate(kernel.params)
        if (types[parameter.name].startswith("*") or parameter.name in ("inner", "channels", "pitch"))
        and not parameter.do_not_specialize_on_alignment
    }
    places = {(names.index(name),): value for name, value in known.items()}
    source = ASTSource(kernel, signature=types, constexprs=places, attrs=aligned)
    made = compile_source(source, target=GPUTarget(*TARGETS[target]), options={"num_warps": warps})
    if "cubin" in made.asm:
        registers, spilled = _usage_on_cuda(made.asm["cubin"])
    else:
        registers, spilled = _usage_on_amd(made.asm["amdgcn"])
    return Resources(registers, spilled, made.metadata.shared)


def walk_constants_for(shape: WalkShape, settings: WalkSettings, dtype: torch.dtype) -> dict[str, object]:
    """The constants of the fused SS2D's kernels for a shape that settings divide."""
    return {
        "RANK": shape.rank, "RANK_BLOCK": max(16, power_of_two(max(1, shape.rank))), "STATE": shape.state,
        "GROUP": settings.group, "ROWS": settings.rows, "IMAGES": settings.images, "CHANNELS": settings.channels,
        "AHEAD": settings.ahead, "EVEN": settings.steps(shape.positions) * settings.segments == shape.positions,
        "WHOLE": shape.channels % settings.channels == 0, "WIDE": False, "PRECISE": dtype == torch.float32,
        "VALUE_BLOCK": value_block(shape, settings), "DOT": settings.dot,
        "SPLIT": settings.segments > settings.rows, "OUTPUT": True,
    }  # fmt: skip


def _type(name: str, dtype: torch.dtype) -> str:
    """Triton's type of a kernel's argument: names in capitals or of tensors are pointers."""
    if name in ACTIVATIONS:
        return f"*{FLOATS[dtype]}"
    if name in MAPS:
        return "*fp32" if dtype == torch.float16 else f"*{FLOATS[dtype]}"
    if name in LOW:
        return "*fp32" if dtype == torch.float32 else "*bf16"
    if name == "epsilon":
        return "fp32"
    return "i32" if name in INTEGERS or ("_" in name and name.rpartition("_")[2] in STRIDES) else "*fp32"


INTEGERS = frozenset(
    {"batch", "length", "width", "multiplier", "shift", "inner", "steps", "segments", "channels", "count",
     "height", "places", "pitch", "span", "parts", "strips", "rows", "tap", "lane", "out_height", "out_width", "stride"}
)  # fmt: skip
STRIDES = frozenset({"batch", "channel", "step", "group", "state"})


def _usage_on_cuda(cubin: bytes) -> tuple[int, int]:
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        command = [str(tool), "-res-usage", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # Triton's own tool
    return _number(r"REG:(\d+)", done.stdout), _number(r"STACK:(\d+)", done.stdout)


def _usage_on_amd(code: str) -> tuple[int, int]:
    registers = _number(r"\.vgpr_count:\s*(\d+)", code)
    return registers, 4 * _number(r"\.vgpr_spill_count:\s*(\d+)", code)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, f"no {pattern} in what the compiler's tools say"
    return int(found[1])
