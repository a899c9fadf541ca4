"""How the Triton backend divides its work, and where it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from importlib.metadata import version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from sparx_dsl.ops.triton_kernels.blocks import MOST_POSITIONS, backward_blocks, forward_blocks, reciprocal
from sparx_dsl.ops.triton_kernels.candidates import candidates
from sparx_dsl.ops.triton_kernels.settings import (
    MOST_RANK,
    MOST_STATES,
    WalkShape,
    backward_settings,
    forward_settings,
)
from sparx_dsl.ops.triton_kernels.targets import NAMES, TARGETS
from tests.support import triton_process
from tests.support.pins import pins
from tests.support.triton_kernels import Kernels, kernels_of


@pytest.fixture(scope="module")
def kernels() -> Generator[Kernels, None, None]:
    """The interpreted kernels."""
    yield from kernels_of("1")


@pytest.fixture(scope="module")
def compiler() -> Generator[Kernels, None, None]:
    """The kernels as they are compiled."""
    yield from kernels_of("0")


@given(divisor=st.integers(1, 2**20), number=st.integers(0, MOST_POSITIONS - 1))
@settings(max_examples=500)
def test_the_reciprocal_divides_exactly(divisor: int, number: int) -> None:
    """A multiplication and a shift give the quotient, with a multiplier that fits 32 bits, at multiples too."""
    multiplier, shift = reciprocal(divisor)
    assert multiplier < 2**31
    for each in (number, number // divisor * divisor, max(0, number // divisor * divisor - 1)):
        assert (4 * each * multiplier >> 32) >> shift == each // divisor


@given(channels=st.integers(1, 5_000), images=st.integers(1, 1_000))
def test_blocks_are_powers_of_two_that_cover_the_channels(channels: int, images: int) -> None:
    """Each launch has enough programs for all channels, in sizes that Triton takes."""
    for blocks in (forward_blocks(channels, images), backward_blocks(channels)):
        assert all(each & (each - 1) == 0 < each for each in (blocks.tile, blocks.channels, blocks.warps))
        assert (blocks.count(channels) - 1) * blocks.channels < channels <= blocks.count(channels) * blocks.channels


FEW_TARGETS = [
    *(("9.0", name) for name in ("scan, forward", "scan, backward", "SS2D, forward, 56 × 56", "SS2D, forward, 28 × 28",
                                 "SS2D, backward, 56 × 56")),
    *(("8.0", name) for name in ("scan, backward", "SS2D, forward, 14 × 14", "SS2D, backward, 14 × 14")),
    ("8.9", "SS2D, forward, 56 × 56, batch 1"),
    *(("gfx942", name) for name in ("scan, forward", "SS2D, backward, 14 × 14")),
    ("gfx90a", "SS2D, forward, 7 × 7"),
    *(("9.0", name) for name in ("map statistics", "depthwise 3 × 3", "depthwise 3 × 3, interleaved")),
    *(("8.0", name) for name in ("map norm, whole", "layer norm, backward")),
    *(("gfx942", name) for name in ("map norm, backward", "taps 3 × 3, backward")),
]  # fmt: skip
MOST_SPILLED = {"bfloat16": 64, "float32": 1024}
"""Bytes that a thread may have beyond its registers."""


@pytest.mark.parametrize(("target", "name"), FEW_TARGETS)
def test_kernels_compile_without_a_gpu(compiler: Kernels, target: str, name: str) -> None:
    """The compilers of CUDA and AMD take each kernel, and registers hold what it computes with."""
    registers, spilled, shared = compiler.ask(triton_process.compiled, target, name, "bfloat16")
    assert 16 <= registers <= (255 if target[0].isdigit() else 512)
    assert spilled <= MOST_SPILLED["bfloat16"]
    # Walks are in registers alone where no sum is a product.
    assert shared == 0 or "backward" in name or "56 × 56" not in name


@pytest.mark.slow
@pytest.mark.parametrize(("target", "dtype"), [*((each, "bfloat16") for each in TARGETS), ("9.0", "float32")])
def test_every_kernel_compiles_for_every_target(compiler: Kernels, target: str, dtype: str) -> None:
    """All that a model launches, in the registers of a thread but for what float32 needs besides."""
    found = {name: compiler.ask(triton_process.compiled, target, name, dtype) for name in NAMES}
    assert {name: spilled for name, (_, spilled, _) in found.items() if spilled > MOST_SPILLED[dtype]} == {}


@given(
    batch=st.integers(1, 300), channels=st.integers(1, 3_000), positions=st.integers(1, 20_000),
    rank=st.integers(0, MOST_RANK), state=st.integers(1, MOST_STATES), precise=st.booleans(),
)  # fmt: skip
def test_settings_cover_what_there_is(
    batch: int, channels: int, positions: int, rank: int, state: int, precise: bool
) -> None:
    """Sizes that Triton takes, for all steps, segments, images, channels and states, with none of them left out."""
    shape = WalkShape(batch, channels, positions, rank, state, precise)
    backward = candidates("backward", shape, (9, 0))
    assert (forward_settings(shape), backward_settings(shape)) == (candidates("forward", shape, (9, 0))[0], backward[0])
    for found in (*candidates("forward", shape, (9, 0)), *backward):
        powers = (found.rows, found.images, found.channels, found.warps, found.ahead)
        assert all(each & (each - 1) == 0 < each for each in powers)
        assert found.steps(positions) % found.ahead == 0
        assert found.segments * found.steps(positions) >= positions
        assert 1 <= found.group <= state
        assert not found.dot or found.rows * found.images >= 16
        rows = found.images * found.channels * found.rows
        assert found.programs(batch, channels) * rows >= batch * channels * found.segments
    assert all(found.rows == found.segments for found in backward)


@pytest.mark.parametrize(
    ("shape", "segments", "channels"),
    [
        (WalkShape(128, 192, 3136, 6, 1), 1, 64),
        (WalkShape(1, 192, 3136, 6, 1), 112, 32),
        (WalkShape(128, 384, 784, 12, 1), 1, 32),
        (WalkShape(1, 640, 196, 20, 1), 32, 16),
    ],
)
def test_measured_sizes_have_the_measured_settings(shape: WalkShape, segments: int, channels: int) -> None:
    """Whole walks for many images, segments side by side for one."""
    found = forward_settings(shape, (9, 0))
    assert (found.segments, found.channels) == (segments, channels)
    assert forward_settings(shape, (8, 0)) == found


def test_the_backend_says_where_it_runs(kernels: Kernels, compiler: Kernels) -> None:
    """Interpreted it runs on the CPU where anything does; compiled it says that it does not, and what to do."""
    runs = kernels.ask(triton_process.interpreter_fault) is None
    assert (kernels.ask(triton_process.problem, "cpu") is None) == runs
    assert "'mps'" in kernels.ask(triton_process.problem, "mps")
    assert "TRITON_INTERPRET=1" in compiler.ask(triton_process.problem, "cpu")
    assert "'mps'" in compiler.ask(triton_process.problem, "mps")


def test_the_interpreter_runs_at_the_pinned_versions(kernels: Kernels) -> None:
    """No test of a kernel is skipped there."""
    pinned = all(version(name) == pins()[canonicalize_name(name)] for name in ("triton", "numpy"))
    assert kernels.ask(triton_process.interpreter_fault) is None or not pinned


def test_an_interpreter_that_fails_is_reported() -> None:
    """Where Triton's interpreter fails with the numpy that is here, the backend names both versions and the fault."""
    code = (
        "from triton.runtime import errors, interpreter\n"
        "def fail(*arguments, **options):\n"
        "    raise errors.InterpreterError('no number')\n"
        "interpreter.GridExecutor.__call__ = fail\n"
        "from sparx_dsl import SparxError, scan_backend\n"
        "try:\n"
        "    scan_backend('cpu')\n"
        "except SparxError as error:\n"
        "    print(error.diagnostics[0].message)"
    )
    environment = {**os.environ, "TRITON_INTERPRET": "1", "SPARX_SCAN_BACKEND": "triton"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, env=environment
    )
    versions = f"Triton {version('triton')} does not interpret kernels with numpy {version('numpy')} (no number)"
    assert done.stdout.startswith(f"the backend 'triton' does not support float32 on cpu: {versions}; ")


def test_the_backend_is_imported_without_triton() -> None:
    """Where Triton is missing, the backend's functions can still be imported, and the backend says so."""
    code = (
        "import sys\n"
        "sys.modules['triton'] = None\n"
        "from sparx_dsl.ops.triton_kernels import availability, launch_scan, launch_ss2d\n"
        "print(availability.problem('cuda'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "triton is not installed (pip install 'sparx_dsl[triton]')\n"
