"""Tools that train: Lightning's Fabric in bfloat16, and timm's moving average of weights."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.nn import functional

import sparx_dsl
from sparx_dsl.integrations.required import import_torchvision
from sparx_dsl.lowering import Backbone
from tests.support.backbones import mixed

# They import parts of torch that it has replaced.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def model() -> Backbone:
    """A backbone with every mixer, in training, and without what is drawn in a step."""
    torch.manual_seed(0)
    return sparx_dsl.build(mixed())


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Images (2, 3, 32, 32) and their classes."""
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)), torch.tensor([1, 5])


def test_fabric_trains_in_mixed_bfloat16(model: Backbone) -> None:
    """Its step has the gradients of one under torch's autocast, bit for bit; weights stay in float32 and move."""
    import_torchvision()
    from lightning.fabric import Fabric

    images, classes = batch()
    alone = copy.deepcopy(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = functional.cross_entropy(alone(images).float(), classes)
    loss.backward()

    fabric: Any = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    optimizer = torch.optim.SGD(sparx_dsl.param_groups(model, weight_decay=0.0), lr=0.1)
    wrapped, optimizer = fabric.setup(model, optimizer)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fabric.backward(functional.cross_entropy(wrapped(images), classes))
    expected = {name: parameter.grad for name, parameter in alone.named_parameters()}
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=0, atol=0)
    optimizer.step()
    after = dict(model.named_parameters())
    assert all(parameter.dtype == torch.float32 for parameter in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_moving_average_of_timm_is_a_backbone(model: Backbone) -> None:
    """Its weights are the average, and it is saved, built and deployed as any backbone; the model stays as it was."""
    import_torchvision()
    from timm.utils.model_ema import ModelEmaV3

    first = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    average: Any = ModelEmaV3(model, decay=0.75)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    average.update(model)
    names = {name for name, _ in model.named_parameters()}
    for name, tensor in average.module.state_dict().items():
        torch.testing.assert_close(tensor, first[name] + 0.0025 if name in names else first[name])
    assert type(average.module) is Backbone
    assert average.module.spec == model.spec
    images, _ = batch()
    deployed = sparx_dsl.deploy(average.module)
    torch.testing.assert_close(deployed(images), average.module.eval()(images), rtol=1e-4, atol=1e-4)
    assert torch.equal(model.state_dict()["head.linear.bias"], first["head.linear.bias"] + 0.01)
