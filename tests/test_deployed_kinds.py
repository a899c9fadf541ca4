"""Kinds of other packages in deployed backbones: what they do not state is not assumed, what they state is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from torch import Tensor, nn

import sparx_dsl
from sparx_dsl.inference.deploy import INFERENCE, deploy
from sparx_dsl.inference.deployment import Deployment, InferenceModule, ModuleFacts, Place
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.inference.passes.tile_batch import TileBatch
from sparx_dsl.inference.tiled_batch import TiledBatch
from sparx_dsl.kind import Kind
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import FfnOptions
from sparx_dsl.lowering import Backbone
from sparx_dsl.nn.layer import Feeding
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape
from tests.support.backbones import small
from tests.support.deployed import SINGLE, images_of, results, trained, worst_error
from tests.support.kinds import registered


class Linked(FfnOptions, frozen=True):
    """A feed-forward network of another package, in whose result every image has a part in every other."""

    kind: Literal["linked"] = "linked"


class Own(FfnOptions, frozen=True):
    """A feed-forward network of another package that states what it is."""

    kind: Literal["own"] = "own"


class Gone(FfnOptions, frozen=True):
    """The options of a kind that will not be known any more."""

    kind: Literal["gone"] = "gone"


def linked_cost(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A 1×1 convolution and a norm."""
    return tape.norm("batch", tape.convolution(x, site.channels))


def own_cost(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A 1×1 convolution, a norm, and another 1×1 convolution."""
    return tape.convolution(linked_cost(options, site, tape, x), site.channels)


class LinkedFfn(nn.Module):
    """The mean over the images where there are several, and a view of what it is given where there is one.

    It has what deployment looks for in the kinds that it knows, a norm and products before and behind it, one of them
    under two paths.
    """

    def __init__(self, channels: int, **factory: Any) -> None:
        super().__init__()
        self.norm = make_norm("batch", channels, **factory)
        self.expansion = nn.Conv2d(channels, channels, 1, **factory)
        self.contraction = self.expansion

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        if len(x) == 1:
            return x.view(x.shape)
        return self.norm(self.expansion(x)).mean(dim=0, keepdim=True).expand(x.shape)


class OwnFfn(nn.Module):
    """A 1×1 convolution, a norm, and another 1×1 convolution."""

    def __init__(self, channels: int, **factory: Any) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1, **factory)
        self.norm = make_norm("batch", channels, **factory)
        self.second = nn.Conv2d(channels, channels, 1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.second(self.norm(self.first(x)))


class PlacedFfn(InferenceModule, OwnFfn):
    """What stands for it in inference."""


def build_linked(options: Linked, site: Site, **factory: Any) -> LinkedFfn:
    """Make the network that mixes images."""
    return LinkedFfn(site.channels, **factory)


def build_own(options: KindOptions, site: Site, **factory: Any) -> OwnFfn:
    """Make the network that states what it is."""
    return OwnFfn(site.channels, **factory)


FACTS = ModuleFacts(input_reader="first", norm_reader="second", last_product="second", replacement=PlacedFfn)
OWN = Deployment({OwnFfn: FACTS})


@pytest.fixture(autouse=True)
def other_kinds() -> Iterator[None]:
    """Both kinds are known, as if installed packages offered them."""
    linked = Kind("ffn", "linked", Linked, module=build_linked, cost=linked_cost, owner="other")
    own = Kind("ffn", "own", Own, module=build_own, cost=own_cost, owner="other", inference=OWN)
    with registered(linked, own):
        yield


def backbone(ffn: str) -> Backbone:
    """A backbone with that feed-forward network in every layer, and BatchNorm in front of it."""
    return trained(
        sparx_dsl.build(small("ss2d", layer={"mixer": {"kind": "ss2d"}, "ffn": {"kind": ffn}, "norm": "batch"}))
    )


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("ffn", ["linked", "own"])
def test_results_are_those_of_the_plain_backbone(ffn: str, batch: int) -> None:
    """Also where every part that may runs on one image at a time."""
    model = backbone(ffn)
    images = images_of(model, batch)
    deployed = deploy(model, (*INFERENCE[:-1], TileBatch(tile_bytes=1)))
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE


def test_what_states_nothing_stays_as_it_is() -> None:
    """Neither its norms nor its sum nor its batch is touched, whatever its parts are called."""
    deployed = deploy(backbone("linked"))
    parts = modules_of(deployed, Feeding)
    assert parts
    for path, part in parts:
        assert isinstance(part.norm, nn.BatchNorm2d)
        assert isinstance(part.ffn, LinkedFfn)
        assert isinstance(part.ffn.norm, nn.BatchNorm2d)
        assert not part.in_place
        assert not isinstance(deployed.get_submodule(path.rpartition(".")[0]), TiledBatch)


def test_what_is_stated_is_used() -> None:
    """Norms are folded, the sum is in place, the batch is cut, and the module for inference knows its place."""
    deployed = deploy(backbone("own"))
    parts = modules_of(deployed, Feeding)
    assert parts
    for path, part in parts:
        assert isinstance(part.norm, nn.Identity)
        assert isinstance(part.ffn, PlacedFfn)
        assert isinstance(part.ffn.norm, nn.Identity)
        assert part.ffn.place == Place(part.ffn.place.size, may_overwrite=False)
        assert part.in_place
        assert isinstance(deployed.get_submodule(path.rpartition(".")[0]), TiledBatch)
    assert [part.ffn.place.size for _, part in parts if isinstance(part.ffn, PlacedFfn)] == [(6, 6), (3, 3), (3, 3)]


def test_a_kind_that_is_not_known_any_more_states_nothing() -> None:
    """A backbone outlives the kinds that it was built of."""
    with registered(Kind("ffn", "gone", Gone, module=build_own, cost=own_cost, inference=OWN)):
        model = backbone("gone")
    images = images_of(model, 2)
    deployed = deploy(model)
    assert not modules_of(deployed, PlacedFfn)
    assert worst_error(results(deployed, images), results(model, images)) < SINGLE


@pytest.mark.parametrize(
    ("stated", "complaint"),
    [
        ((), "the deployment of the ffn kind 'gone' of other is not a Deployment"),
        ("no_such_package:OWN", "the deployment of the ffn kind 'gone' of other cannot be loaded"),
        (Deployment({OwnFfn: ModuleFacts(norm_reader="third")}), "names third, which OwnFfn does not have"),
        (Deployment({OwnFfn: ModuleFacts(last_product="third")}), "names third, which OwnFfn does not have"),
    ],
)
def test_statements_that_are_not_so_are_refused(stated: object, complaint: str) -> None:
    """A diagnostic names the kind and its package."""
    with registered(Kind("ffn", "gone", Gone, module=build_own, cost=own_cost, inference=stated, owner="other")):
        with pytest.raises(sparx_dsl.SparxError, match=complaint) as caught:
            deploy(backbone("gone"))
        assert [each.code for each in caught.value.diagnostics] == ["SPX413"]
