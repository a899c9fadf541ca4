"""Deployed backbones with parts that are not of this project, and what cannot be deployed."""

from __future__ import annotations

import pytest
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.inference.deploy import deploy
from sparx_dsl.inference.passes.base import replace
from tests.support.backbones import MIXERS, mixed
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error


def test_exchanged_layers_are_refused() -> None:
    """What a user has put in a layer's place would be lost, and is not lost in silence."""
    model = sparx_dsl.build(mixed())
    replace(model, "stage2.layer1", nn.Sequential(model.get_submodule("stage2.layer1")))
    with pytest.raises(SparxError, match=r"stage2\.layer1") as caught:
        deploy(model)
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]


@pytest.mark.parametrize("spoil", ["parametrised", "pruned"])
def test_weights_that_are_computed_are_refused(spoil: str) -> None:
    """A weight that is no parameter cannot be folded; once it is one again, it is."""
    model = trained(sparx_dsl.build(mixed()))
    product = model.get_submodule("stage1.layer1.ffn.ffn.expansion")
    if spoil == "parametrised":
        parametrize.register_parametrization(product, "weight", Halved())
    else:
        prune.l1_unstructured(product, "weight", 0.5)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(SparxError, match=r"stage1\.layer1\.ffn\.ffn\.expansion") as caught:
        deploy(model)
    assert [each.code for each in caught.value.diagnostics] == ["SPX324"]
    if spoil == "parametrised":
        parametrize.remove_parametrizations(product, "weight")
    else:
        prune.remove(product, "weight")  # pyright: ignore[reportUnknownMemberType]
    images = images_of(model, 2)
    assert worst_error(results(deploy(model), images), results(model, images)) < SINGLE


class Halved(nn.Module):
    """A parametrisation: half of the weight."""

    def forward(self, weight: Tensor) -> Tensor:
        """Any tensor, halved."""
        return weight / 2


class EverySecond(nn.Module):
    """A downsampling that makes no tensor: every second row and column, and the channels twice."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, channels, height / 2, width / 2), a view."""
        return x[:, :, ::2, ::2]


class Reflected(nn.Module):
    """A user's mixer: convolutions with other padding, and one of a class of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mirror = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.same = nn.Conv2d(channels, channels, 3, padding="same")
        self.square = Squared(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.mirror(x) + self.same(x) + self.square(x)


class Squared(nn.Conv2d):
    """A convolution of squares."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return super().forward(input.square())


def test_parts_of_other_makers_stay_what_they_are() -> None:
    """A part that makes no tensor, and convolutions that are more than convolutions, give what they gave."""
    layer = {"mixer": MIXERS["window_attention"], "norm": "batch"}
    model = sparx_dsl.build(mixed(layer=layer))
    replace(model, "stage2.downsample", nn.Sequential(model.get_submodule("stage2.downsample"), Reflected(16)))
    replace(model, "stage1.layer1.mixer", nn.Sequential(EverySecond(), nn.Upsample(scale_factor=2)))
    replace(model, "stage1.layer1.ffn", EverySame())
    nn.init.normal_(model.get_parameter("stage2.downsample.1.square.weight"))
    trained(model)
    images = images_of(model, 3)
    assert worst_error(results(deploy(model), images), results(model, images)) < SINGLE


class EverySame(nn.Module):
    """A part that hands out a view of what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        """Any tensor, as it is."""
        return x.view(x.shape)
