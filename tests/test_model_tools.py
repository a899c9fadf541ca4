"""Tools that look for torch's own classes find them: sharding, quantization, counters of MACs and parameters."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.lowering import Backbone
from tests.support.backbones import MIXERS, mixed, small
from tests.support.deployed import images_of, results, trained, worst_error
from tests.support.paths import ROOT, SPECS

# They script functions and look into one another's internals when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PRODUCTS = (nn.Conv2d, nn.Conv1d, nn.Linear)


@pytest.fixture(params=["sparx_swin_t", "sparx_mamba_t", "mixed"])
def model(request: pytest.FixtureRequest) -> Backbone:
    """A backbone in evaluation, for images of 64×64 pixels."""
    torch.manual_seed(0)
    source: Any = mixed() if request.param == "mixed" else SPECS / f"{request.param}.yaml"
    return sparx_dsl.build(sparx_dsl.parse_spec(source) if request.param == "mixed" else source).eval()


def products(model: nn.Module) -> dict[str, nn.Conv2d | nn.Conv1d | nn.Linear]:
    """The convolutions and linear layers of a model, of torch's own classes and no others."""
    found = {path: module for path, module in modules_of(model, nn.Module) if isinstance(module, PRODUCTS)}
    assert all(type(module) in PRODUCTS for module in found.values())
    return found


def product_macs(model: Backbone, images: Tensor) -> dict[str, int]:
    """The MACs of each, counted from its weight and its result."""
    macs: dict[str, int] = {}

    def hook_of(path: str) -> Any:
        def note(module: Any, inputs: object, output: Tensor) -> None:
            macs[path] = output.numel() * (module.weight.numel() // module.weight.shape[0])

        return note

    handles = [module.register_forward_hook(hook_of(path)) for path, module in products(model).items()]
    results(model, images)
    for handle in handles:
        handle.remove()
    return macs


def counter(module: str) -> Any:
    """A module of a counter; some import torchvision."""
    import_torchvision()
    return importlib.import_module(module)


def test_fvcore_counts_every_product(model: Backbone) -> None:
    """By module, fvcore has the MACs of each convolution and linear layer."""
    images = torch.zeros(1, 3, 64, 64)
    expected = product_macs(model, images)
    counted = counter("fvcore.nn").FlopCountAnalysis(model, images).unsupported_ops_warnings(False)
    counted = counted.uncalled_modules_warnings(False).tracer_warnings("none").by_module()
    assert {path: counted[path] for path in expected} == expected != {}


def test_thop_counts_every_product(model: Backbone) -> None:
    """thop counts all parameters, and at least the MACs of convolutions and linear layers."""
    images = torch.zeros(1, 3, 64, 64)
    least = sum(product_macs(model, images).values())
    import thop  # pyright: ignore[reportMissingTypeStubs]

    profile: Any = thop.profile  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    macs, params = profile(copy.deepcopy(model), (images,), verbose=False)
    assert params == sum(parameter.numel() for parameter in model.parameters())
    assert least <= macs < 1.3 * least


def test_ptflops_counts_every_product(model: Backbone) -> None:
    """ptflops counts all parameters, and at least the MACs of convolutions and linear layers."""
    least = sum(product_macs(model, torch.zeros(1, 3, 64, 64)).values())
    macs, params = counter("ptflops").get_model_complexity_info(
        copy.deepcopy(model), (3, 64, 64), as_strings=False, print_per_layer_stat=False, backend="pytorch"
    )
    assert params == sum(parameter.numel() for parameter in model.parameters())
    assert least <= macs < 1.3 * least


@pytest.mark.parametrize("mixer", MIXERS)
def test_torchinfo_and_calflops_count_every_product(mixer: str) -> None:
    """Both count all parameters, and at least the MACs of convolutions and linear layers."""
    model = sparx_dsl.build(small(mixer)).eval()
    params = sum(parameter.numel() for parameter in model.parameters())
    least = sum(product_macs(model, torch.zeros(1, 3, 64, 64)).values())
    import_torchvision()
    import calflops  # pyright: ignore[reportMissingTypeStubs]
    import torchinfo

    summary = torchinfo.summary(model, input_size=(1, 3, 64, 64), verbose=0)
    assert summary.total_params == params
    assert least <= summary.total_mult_adds < 1.3 * least
    calculate: Any = calflops.calculate_flops  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    _, macs, found = calculate(model, input_shape=(1, 3, 64, 64), print_results=False, output_as_string=False)
    assert found == params
    assert least <= macs < 1.3 * least


def test_dynamic_quantization_finds_the_linear_layers(model: Backbone) -> None:
    """All linear layers become int8, and results stay near."""
    trained(model)
    quantize: Any = importlib.import_module("torch.ao.quantization").quantize_dynamic
    quantized = quantize(copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8)
    linear = [path for path, _ in modules_of(model, nn.Linear)]
    assert linear != []
    assert all("quantized.dynamic" in type(quantized.get_submodule(path)).__module__ for path in linear)
    images = images_of(model, 2, (64, 64))
    assert 0 < worst_error(results(quantized, images), results(model, images)) < 0.1


def test_sharded_layers_train_as_one_process_does() -> None:
    """FSDP2 on each layer and then on the root, over two gloo processes, gives the weights of the unsharded steps."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.sharded"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    # Gloo of some versions of torch prints that it is connected.
    assert run.returncode == 0, run.stderr[-2000:]
