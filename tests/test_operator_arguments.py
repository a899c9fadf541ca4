"""Operators refuse what does not match before a kernel gets an address, and say what is required instead."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.ops import inference, operators
from sparx_dsl.ops.cpu import library
from tests.support.operator_attacks import TARGETS
from tests.support.paths import ROOT

ATTACKS = 2700
REGISTERED = (operators, inference)
"""Importing these registers the operators."""
needs_library = pytest.mark.skipif(library.problem() is not None, reason=str(library.problem()))


def scan() -> dict[str, Any]:
    """Arguments of the scan: two groups of three channels, five positions, two states."""
    torch.manual_seed(0)
    u, A, B = torch.randn(2, 6, 5), -torch.rand(6, 2), torch.randn(2, 2, 2, 5)
    return {"u": u, "delta": u.clone(), "A": A, "B": B, "C": B.clone(), "D": None, "delta_bias": None,
            "softplus": True, "backend": ""}  # fmt: skip


def ss2d() -> dict[str, Any]:
    """Arguments of SS2D: four channels, nine positions, rank 2, one state."""
    torch.manual_seed(0)
    return {"x": torch.randn(1, 4, 3, 3), "projected": torch.randn(1, 3, 3, 16), "dt_weight": torch.randn(4, 4, 2),
            "dt_bias": torch.randn(4, 4), "A": -torch.rand(16, 1), "D": torch.randn(16), "backend": ""}  # fmt: skip


def backward(arguments: Callable[[], dict[str, Any]], first: str) -> Callable[[], dict[str, Any]]:
    """The arguments of the backward operator."""
    return lambda: {"gradient": torch.ones_like(arguments()[first]), **arguments()}


def on_meta(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without their values."""
    return {name: value.to("meta") if isinstance(value, Tensor) else value for name, value in arguments.items()}


OPERATORS: dict[str, Callable[[], dict[str, Any]]] = {
    "selective_scan": scan,
    "selective_scan_backward": backward(scan, "u"),
    "ss2d_scan": ss2d,
    "ss2d_scan_backward": backward(ss2d, "x"),
}
Change = Callable[[Tensor], Tensor | None]
WRONG: list[tuple[str, str, Change, str]] = [
    ("selective_scan", "u", lambda u: u[0],
     "u has shape (6, 5), but 3 dimensions are required: (batch, channels, length)"),
    ("selective_scan", "delta", lambda delta: delta[..., :4],
     "delta has shape (2, 6, 4), but the other arguments require (2, 6, 5)"),
    ("selective_scan", "A", lambda A: A[:5], "A has shape (5, 2), but the other arguments require (6, 2)"),
    ("selective_scan", "A", lambda A: A[:, :0], "A has shape (6, 0), but the other arguments require (6, 2)"),
    ("selective_scan", "B", lambda B: B[:, 0],
     "B has shape (2, 2, 5), but 4 dimensions are required: (batch, groups, N, length)"),
    ("selective_scan", "B", lambda B: None, "B is None: a tensor is required"),
    ("selective_scan", "C", lambda C: C[..., :4],
     "C has shape (2, 2, 2, 4), but the other arguments require (2, 2, 2, 5)"),
    ("selective_scan", "C", lambda C: C.to(torch.complex64),
     "C has dtype torch.complex64: convert it to a floating dtype of at most 64 bits"),
    ("selective_scan", "D", lambda _: torch.ones(5), "D has shape (5,), but the other arguments require (6,)"),
    ("ss2d_scan", "projected", lambda projected: projected[..., :15],
     "projected has shape (1, 3, 3, 15), but the other arguments require (1, 3, 3, 16)"),
    ("ss2d_scan", "dt_weight", lambda weight: weight[0],
     "dt_weight has shape (4, 2), but 3 dimensions are required: (4, inner, R)"),
    ("ss2d_scan", "dt_bias", lambda bias: bias.long(),
     "dt_bias has dtype torch.int64: convert it to a floating dtype of at most 64 bits"),
    ("ss2d_scan", "x", lambda x: x[:, :3],
     "dt_weight has shape (4, 4, 2), but the other arguments require (4, 3, 2)"),
    ("selective_scan_backward", "gradient", lambda gradient: gradient[:1],
     "gradient has shape (1, 6, 5), but the other arguments require (2, 6, 5)"),
    ("ss2d_scan_backward", "gradient", lambda gradient: gradient[0],
     "gradient has shape (4, 3, 3), but the other arguments require (1, 4, 3, 3)"),
]  # fmt: skip


@pytest.mark.parametrize("backend", ["", "torch", "reference", pytest.param("cpu", marks=needs_library)])
@pytest.mark.parametrize(("name", "argument", "change", "message"), WRONG)
def test_a_wrong_argument_is_named(name: str, argument: str, change: Change, message: str, backend: str) -> None:
    """On every backend, the same ValueError says what is wrong and what is required."""
    arguments = OPERATORS[name]()
    arguments["backend"] = backend
    arguments[argument] = change(arguments[argument])
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(torch.ops.sparx_dsl, name)(**arguments)


@pytest.mark.parametrize(("name", "argument", "change", "message"), WRONG)
def test_a_wrong_argument_is_named_without_values(name: str, argument: str, change: Change, message: str) -> None:
    """Compilers and exporters, which look at shapes alone, are told the same."""
    arguments = OPERATORS[name]()
    arguments[argument] = change(arguments[argument])
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(torch.ops.sparx_dsl, name)(**on_meta(arguments))


@pytest.mark.parametrize("groups", [0, 4])
def test_groups_divide_the_channels(groups: int) -> None:
    """Six channels form no four groups, and none none."""
    arguments = scan()
    arguments |= {name: arguments[name].repeat(1, 2, 1, 1)[:, :groups] for name in ("B", "C")}
    with pytest.raises(ValueError, match=f"6 channels cannot be divided into {groups} equal groups: the groups of B"):
        torch.ops.sparx_dsl.selective_scan(**arguments)


def test_tensors_elsewhere_or_sparse_are_refused() -> None:
    """One on another device, and one that is not strided."""
    arguments = ss2d()
    with pytest.raises(ValueError, match="dt_weight is on meta, but the first argument on cpu: move one of them"):
        torch.ops.sparx_dsl.ss2d_scan(**arguments | {"dt_weight": arguments["dt_weight"].to("meta")})
    with pytest.raises(ValueError, match=r"D has the layout torch.sparse_coo: convert it with .to_dense\(\)"):
        torch.ops.sparx_dsl.ss2d_scan(**arguments | {"D": arguments["D"].to_sparse()})


@needs_library
def test_numbers_at_odd_addresses_are_refused() -> None:
    """Memory from outside of torch may begin anywhere; the compiled kernels read whole words."""
    odd = torch.frombuffer(bytearray(65), dtype=torch.float32, offset=1, count=16)
    with pytest.raises(ValueError, match=r"skip is not aligned in memory: pass a copy of it \(tensor.clone\(\)\)"):
        torch.ops.sparx_dsl.ss2d_scan(**ss2d() | {"D": odd, "backend": "cpu"})


@pytest.mark.parametrize("backend", ["torch", "reference", pytest.param("cpu", marks=needs_library)])
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", list(OPERATORS))
def test_freed_memory_is_refused(name: str, size: int, backend: str) -> None:
    """Sharded training frees parameters by shrinking their storages; a kernel would read what is not there."""
    for argument, value in OPERATORS[name]().items():
        if isinstance(value, Tensor):
            freed = value.clone()
            freed.untyped_storage().resize_(size)
            with pytest.raises((ValueError, RuntimeError), match=rf"{argument} requires \d+ bytes of its storage"):
                getattr(torch.ops.sparx_dsl, name)(**OPERATORS[name]() | {argument: freed, "backend": backend})


@needs_library
def test_a_map_is_not_overwritten_while_it_is_read_under_another_name() -> None:
    """An operator in place refuses arguments that lie in its map's memory, and takes those beside it."""
    memory = torch.randn(100)
    x = memory[:64].view(1, 2, 2, 16).permute(0, 3, 1, 2)
    for first, refused in ((0, True), (63, True), (64, False)):
        weight = memory[first : first + 16]
        if refused:
            with pytest.raises(ValueError, match=r"weight shares memory with the map .* pass weight.clone\(\)"):
                torch.ops.sparx_dsl.map_norm_(x, weight, torch.zeros(16), 1e-5)
        else:
            expected = torch.ops.sparx_dsl.map_norm(x, weight, torch.zeros(16), 1e-5)
            torch.ops.sparx_dsl.map_norm_(x, weight, torch.zeros(16), 1e-5)
            assert torch.equal(x, expected)


@pytest.mark.parametrize("name", list(OPERATORS))
def test_an_unknown_backend_is_refused(name: str) -> None:
    """By every operator, with values and without."""
    arguments = OPERATORS[name]()
    arguments["backend"] = "cppu"
    for given in (arguments, on_meta(arguments)):
        with pytest.raises(sparx_dsl.SparxError, match='did you mean "cpu"') as caught:
            getattr(torch.ops.sparx_dsl, name)(**given)
        assert [each.code for each in caught.value.diagnostics] == ["SPX550"]


def test_every_registered_operator_is_attacked() -> None:
    """None is added without joining the attacks below."""
    pattern = r'custom_op\("sparx_dsl::(\w+)"|LIBRARY\.define\(\s*"(\w+)\('
    found = [match for path in (ROOT / "sparx_dsl").rglob("*.py")
             for match in re.findall(pattern, path.read_text(encoding="utf-8"))]  # fmt: skip
    assert sorted(a or b for a, b in found) == sorted(target.name for target in TARGETS)


@needs_library
def test_thousands_of_wrong_arguments_end_no_process() -> None:
    """Each is refused, or gives what the definition gives, and without values the same shapes and strides."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.operator_attacks", "0", str(ATTACKS), "0"],
        capture_output=True, text=True, cwd=ROOT, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"ended with {done.returncode} in attack {done.stderr.splitlines()[-1]}"
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    for target in TARGETS:
        for outcome in ("accepted", "refused"):
            assert report["outcomes"][f"{target.name} {outcome}"] > ATTACKS / len(TARGETS) / 6
