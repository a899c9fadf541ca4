"""Which backend runs a scan, and what the doctor says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.ops.arguments import SS2DInputs
from sparx_dsl.ops.backends import VARIABLE, backends, choose
from tests.support.scan_definitions import needs_library
from tests.support.scans import ss2d_arguments, ss2d_scan


@needs_library
def test_device_and_dtype_choose_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU float32 and bfloat16 are compiled, the rest is chunks; other devices get chunks."""
    monkeypatch.delenv(VARIABLE, raising=False)
    dtypes = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
    assert [choose("cpu", dtype).name for dtype in dtypes] == ["cpu", "cpu", "torch", "torch"]
    assert choose("mps", torch.float32).name == "torch"
    assert sparx_dsl.scan_backend() == "cpu"
    assert sparx_dsl.scan_backend("cpu", "float64") == "torch"


def test_a_dtype_without_scans_is_refused() -> None:
    """By the code of dtypes, with those that there are."""
    with pytest.raises(sparx_dsl.SparxError, match="unknown dtype 'int8'") as caught:
        sparx_dsl.scan_backend("cpu", "int8")
    assert [each.code for each in caught.value.diagnostics] == ["SPX321"]


def test_a_backend_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument or by the environment; the argument wins."""
    monkeypatch.setenv(VARIABLE, "reference")
    assert choose("cpu", torch.float32).name == "reference"
    assert choose("cpu", torch.float32, "torch").name == "torch"
    assert sparx_dsl.scan_backend() == "reference"


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("cppu", "SPX550", 'did you mean "cpu"?'),
        ("mamba_ssm", "SPX551", "its kernel is for CUDA only"),
        pytest.param("cpu", "SPX551", "it has no float64", marks=needs_library),
    ],
)
def test_a_backend_that_can_not_be_had_is_refused(name: str, code: str, text: str) -> None:
    """Its name unknown, or not for this device, or not for this dtype: a diagnostic says which."""
    inputs = ss2d_arguments(6, 1, 4, 2, 2, 1, 1)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        ss2d_scan(*inputs, backend=name)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert text in str(caught.value)


@pytest.mark.parametrize("name", ["cppu", "mamba_ssm", "torch"])
def test_the_doctor_examines_whatever_is_forced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A forced backend that can't be had is what one asks the doctor about: it says so and goes on."""
    monkeypatch.setenv(VARIABLE, name)
    examination = sparx_dsl.doctor()
    assert f"{VARIABLE}={name}" in str(examination)
    assert ("unknown backend" in str(examination)) == (name == "cppu")
    assert {finding.backend for finding in examination.findings if finding.chosen} == {name} & {"torch"}
    assert examination.healthy


@pytest.mark.parametrize("spoiled", [float("nan"), float("inf"), 1.001])
def test_the_doctor_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch, spoiled: float) -> None:
    """A backend whose results are no numbers, or a thousandth too large, is called wrong."""
    sound = backends()["torch"].kernels()

    def ss2d(inputs: SS2DInputs) -> Tensor:
        return sound.ss2d(inputs) * spoiled

    broken = replace(sound, ss2d=ss2d)
    monkeypatch.setitem(backends(), "torch", replace(backends()["torch"], kernels=lambda: broken))
    examination = sparx_dsl.doctor()
    assert not examination.healthy
    assert {finding.backend for finding in examination.findings if finding.wrong} == {"torch"}


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64, torch.bool])
def test_what_is_no_floating_dtype_is_refused(dtype: torch.dtype) -> None:
    """Integers would be rounded at every position, and complex numbers lose a half."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        ss2d_scan(*(each.to(dtype) for each in ss2d_arguments(6, 1, 4, 2, 2, 1, 1)))
    assert [d.code for d in caught.value.diagnostics] == ["SPX551"]


def test_every_backend_is_listed() -> None:
    """The five backends, by name."""
    assert list(backends()) == ["reference", "torch", "cpu", "triton", "mamba_ssm"]
