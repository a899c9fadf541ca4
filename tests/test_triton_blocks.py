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
    for blocks in (forward_blocks(channels, images), backward_blocks(channels, images)):
        assert all(each & (each - 1) == 0 < each for each in (blocks.tile, blocks.channels, blocks.warps, blocks.turns))
        assert (blocks.count(channels) - 1) * blocks.channels < channels <= blocks.count(channels) * blocks.channels


@pytest.mark.parametrize("kernel", ["scan_forward", "scan_backward", "walk_forward", "walk_backward"])
@pytest.mark.parametrize(("capability", "dtype", "state"), [(80, "fp32", 2), (90, "bf16", 1), (100, "fp16", 1)])
def test_kernels_compile_without_a_gpu(compiler: Kernels, kernel: str, capability: int, dtype: str, state: int) -> None:
    """Triton's compiler and ptxas take each kernel for Ampere, Hopper and Blackwell."""
    constants = {
        "RANK": 3, "RANK_BLOCK": 16, "STATE": state, "STATE_BLOCK": state, "TILE": 16, "CHANNELS": 32,
        "PRECISE": dtype == "fp32", "HAS_D": True, "HAS_BIAS": True, "SOFTPLUS": True, "STATES_ONLY": False,
        "TURNS": 2, "WIDE": dtype == "fp32", "WHOLE": True,
        # Of channels-last activations, a stride of 1 that Triton compiles in.
        "u_channel": 1, "delta_channel": 1, "g_channel": 1,
    }  # fmt: skip
    size, shared = compiler.ask(triton_process.compiled, kernel, capability, dtype, constants)
    assert size > 1_000
    # The forward's tiles are in registers alone, all positions of a channel in one lane; sums over channels are not.
    assert shared == 0 or kernel.endswith("backward")


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
