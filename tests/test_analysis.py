"""Effective receptive fields and similarities of layers: as their definitions have them, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.analysis import effective_receptive_field, layer_similarity
from sparx_dsl.analysis.receptive_field import ReceptiveField
from sparx_dsl.lowering import Backbone
from tests.support.analyses import finite_differences, mean_hsic, outputs

SCANS: Mapping[str, Any] = {
    "sparx": 1, "name": "scans", "input": {"channels": 2, "size": [8, 12]}, "stem": {"kind": "patch"},
    "layer": {"mixer": {"kind": "ss2d", "expand": 1}},
    "stages": [{"channels": 8, "depth": 3, "S": 2}, {"channels": 12, "depth": 1}],
    "head": {"kind": "linear", "classes": 3},
}  # fmt: skip


def built(spec: Any = SCANS, **options: Any) -> Backbone:
    """A backbone in float64, in training mode, with norms and scales off their first values."""
    torch.manual_seed(0)
    model = sparx_dsl.build(spec, dtype="float64", **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def images(count: int) -> Tensor:
    """Random images that ``SCANS`` reads."""
    return torch.randn(count, 2, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_differences(give: Callable[[Tensor], Tensor], given: Tensor, pixels: Tensor) -> Tensor:
    """The mean over images of the positive contributions of pixels, summed over channels: (pixels,)."""
    return torch.stack([finite_differences(give, one, pixels).clamp(min=0).sum(0) for one in given]).mean(0)


def test_receptive_fields_are_mean_gradients_at_the_centre() -> None:
    """By finite differences of a model that gives maps, for every stage, over batches of different sizes."""
    model, given = built(), images(3)
    maps = sparx_dsl.build(SCANS, dtype="float64", features=(1, 2)).train(False)
    maps.load_state_dict({name: value for name, value in model.state_dict().items() if not name.startswith("head")})
    found = effective_receptive_field(model, [given[:2], given[2:]])
    assert [(one.model, one.stage, one.images) for one in found] == [("scans", 1, 3), ("scans", 2, 3)]
    for place, one in enumerate(found):
        expected = by_differences(lambda images, place=place: maps(images)[place], given, torch.arange(96))
        assert one.scores.shape == (8, 12)
        assert expected.max() > 1e-3
        torch.testing.assert_close(one.scores.flatten(), expected, rtol=1e-6, atol=1e-8)
    (alone,) = effective_receptive_field(maps, [given], [2], name="other")
    torch.testing.assert_close(alone.scores, found[1].scores)
    assert alone.model == "other"


@dataclass(frozen=True)
class Network:
    """A backbone of an example, and images that it reads."""

    spec: sparx_dsl.Spec
    images: Tensor

    def built(self) -> Backbone:
        """In float64; names and shapes decide what is drawn."""
        return sparx_dsl.build(self.spec, dtype="float64")


@pytest.fixture(scope="module", params=["digits", "imagenet"])
def network(request: pytest.FixtureRequest) -> Network:
    """Those of ``examples/train_digits.py`` and ``examples/train_imagenet.py``."""
    torch.manual_seed(0)
    if request.param == "digits":
        # scikit-learn takes a while to import, and so does timm.
        from examples.train_digits import SPEC, digits

        return Network(sparx_dsl.load_spec(SPEC), digits()[2][:11].double())
    from examples.imagenet_recipe import RECIPES, load_recipe, spec_for

    spec = spec_for("sparx_mamba_t", load_recipe(RECIPES / "imagenet.yaml"), classes=10)
    return Network(spec, torch.randn(9, 3, 32, 32, dtype=torch.float64))


def test_receptive_fields_of_the_examples_networks(network: Network) -> None:
    """By finite differences at the pixels of the largest score, and at others."""
    model = network.built()
    (found,) = effective_receptive_field(model, [network.images[:2]], [2])
    scores = found.scores.flatten()
    pixels = torch.cat([scores.topk(3).indices, torch.arange(0, len(scores), 101)])
    model.train(False)
    expected = by_differences(lambda images: model.stage_maps(images, (2,))[2], network.images[:2], pixels)
    assert expected.max() > 0
    torch.testing.assert_close(scores[pixels] / scores.max(), expected / scores.max(), rtol=1e-6, atol=1e-6)


def test_similarities_are_those_of_the_definition(network: Network) -> None:
    """Within a backbone and across, from batches, by sums over all distinct images."""
    torch.manual_seed(0)
    models = [network.built() for _ in range(2)]
    given = network.images
    batches = [given[:5], given[5:]]
    found = layer_similarity(models, batches, ["first", "second"])
    layers = [node.name for node in models[0].schedule.graph.layers()]
    assert [(one.name, one.layer) for one in found.layers] == [
        (n, layer) for n in ("first", "second") for layer in layers
    ]
    assert found.images == len(given)
    paths = [f"{layer}.mixer.mixer" for layer in layers]
    values = [[each for model in models for each in outputs(model.train(False), paths, batch)] for batch in batches]
    for row, column in ((0, 1), (2, 4), (1, 8), (5, 11)):
        pairs = ((row, column), (row, row), (column, column))
        both, *own = (mean_hsic((batch[a], batch[b]) for batch in values) for a, b in pairs)
        assert float(found.values[row, column]) == pytest.approx(both / math.sqrt(own[0] * own[1]), abs=1e-9)
    torch.testing.assert_close(found.between(0, 1), found.between(1, 0).T)
    torch.testing.assert_close(found.values.diagonal(), torch.ones(2 * len(layers), dtype=torch.float64))


def test_what_was_set_on_models_stays() -> None:
    """Modes of single modules, gradients, hooks; also where an analysis fails."""
    model = built()
    model.get_submodule("stage1").train(False)
    modes = [module.training for module in model.modules()]
    layer_similarity([model], [images(4)])
    effective_receptive_field(model, [images(2)])
    with pytest.raises(sparx_dsl.SparxError):
        layer_similarity([model], [images(4), images(3)])
    assert modes == [module.training for module in model.modules()]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(vars(module)["_forward_hooks"] for module in model.modules())


def test_layers_that_do_not_vary_have_no_similarity() -> None:
    """A mixer of weight 0 gives the same for all images; the others are compared all the same."""
    model = built()
    with torch.no_grad():
        for parameter in model.get_submodule("stage1.layer1.mixer.mixer.out_projection").parameters():
            parameter.zero_()
    values = layer_similarity([model], [images(5)]).values
    assert values[0].isnan().all()
    assert values[1:, 1:].isfinite().all()


def test_areas_are_of_centred_squares() -> None:
    """All contributions, half of them, and those of one corner."""
    scores = torch.zeros(4, 4, dtype=torch.float64)
    scores[1:3, 1:3] = 1
    assert ReceptiveField("x", 1, scores, 1).area(0.5) == 0.25
    scores[0, 0] = 4
    field = ReceptiveField("x", 1, scores, 1)
    assert (field.area(0.5), field.area(0.51), field.area(1)) == (0.25, 1, 1)
    assert math.isnan(ReceptiveField("x", 1, scores * 0, 1).area(0.5))
    with pytest.raises(ValueError, match="does not"):
        field.area(1.5)


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([], "none were given"),
        ([images(4)[:, :1]], "shape (4, 1, 8, 12)"),
        ([images(4).int()], "torch.int32"),
        ([(images(4), 0)], "is a tuple"),
        ([images(4)[0]], "shape (2, 8, 12)"),
    ],
    ids=["none", "channels", "integers", "pairs", "unbatched"],
)
def test_images_that_do_not_suit_are_refused(batches: list[Any], said: str) -> None:
    """By both analyses, with what would suit."""
    for analyse in (lambda: effective_receptive_field(built(), batches), lambda: layer_similarity([built()], batches)):
        with pytest.raises(sparx_dsl.SparxError) as caught:
            analyse()
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.code, said in diagnostic.message) == ("SPX590", True)
        assert diagnostic.help


def test_sizes_and_models_that_do_not_suit_are_refused() -> None:
    """Receptive fields of two sizes, a deployed backbone, one without weights, a model of another kind."""
    wide = torch.zeros(1, 2, 8, 16, dtype=torch.float64)
    cases = {
        "SPX590": lambda: effective_receptive_field(built(), [images(1), wide]),
        "SPX328": lambda: effective_receptive_field(sparx_dsl.deploy(built()), [images(1)]),
        "SPX630": lambda: layer_similarity([sparx_dsl.build(SCANS, device="meta")], [images(4)]),
        "SPX322": lambda: effective_receptive_field(built(), [images(1)], [3]),
    }
    for code, analyse in cases.items():
        with pytest.raises(sparx_dsl.SparxError) as caught:
            analyse()
        assert [code] == [one.code for one in caught.value.diagnostics]
    with pytest.raises(sparx_dsl.SparxError, match="Linear"):
        layer_similarity([torch.nn.Linear(2, 2)], [images(4)])
