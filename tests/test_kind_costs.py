"""What kinds cost, against sums written out by hand, against torch, and the laws of a price."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.kind import Kind, load
from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.roles import ROLES, FfnOptions, MixerOptions, Role
from sparx_dsl.pricing import layer
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.registry import default_registry
from tests.support.costs import map_sizes, price_of, told
from tests.support.costs_by_hand import BY_HAND, layer_norm, products
from tests.support.counted import scanned_positions
from tests.support.kinds import registered

prices = st.builds(Price, st.integers(0, 2**70), st.integers(0, 2**70))
sides = st.integers(1, 40)
CASES = pytest.mark.parametrize(
    ("role", "options", "site", "height", "width", "params", "macs"),
    BY_HAND,
    ids=[f"{role}-{options.kind}-{place}" for place, (role, options, *_) in enumerate(BY_HAND)],
)


@CASES
def test_each_kind_costs_what_its_description_says(
    role: Role, options: KindOptions, site: Site, height: int, width: int, params: int, macs: int
) -> None:
    """Every kind's cost gives the parameters and MACs counted by hand from its description."""
    price = price_of(role, options, site, height, width)
    assert (price.params, price.macs) == (params, macs)


@CASES
def test_a_mac_is_two_operations_but_in_scans(
    role: Role, options: KindOptions, site: Site, height: int, width: int, params: int, macs: int
) -> None:
    """FLOPs are twice the MACs, but the scan's formula is one of operations already."""
    mixer: Any = options
    positions = scanned_positions(mixer, height, width) if role == "mixer" else 0
    scanned = positions and positions * (9 * mixer.state + 1) * int(mixer.expand * site.channels)
    assert price_of(role, options, site, height, width).flops == 2 * macs - scanned


@CASES
def test_parameters_are_those_of_the_module(
    role: Role, options: KindOptions, site: Site, height: int, width: int, params: int, macs: int
) -> None:
    """The module that a kind builds has as many parameters as its cost says; buffers do not count."""
    module: Any = load(default_registry().of(role, options).module)(options, site, device="meta")
    assert price_of(role, options, site, height, width).params == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("place", [place for place, (role, *_) in enumerate(BY_HAND) if role != "mixer"])
def test_macs_are_those_that_torch_counts(place: int) -> None:
    """Where torch counts an operation at all, two of its operations are one MAC of the cost."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    role, options, site, height, width, _, _ = BY_HAND[place]
    module: Any = load(default_registry().of(role, options).module)(options, site, device="meta").eval()
    # On the meta device torch counts fused attention too.
    sizes = map_sizes(len(site.maps) + 1, height, width)
    shapes = zip((site.channels,) if not site.maps else (*site.maps, 3), sizes, strict=False)
    inputs = [torch.zeros(1, channels, *size, device="meta") for channels, size in shapes]
    if role == "fusion":
        inputs.append(torch.zeros(1, site.features * site.channels, height, width, device="meta"))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    assert counter.get_total_flops() == 2 * price_of(role, options, site, height, width).macs


def test_every_built_in_kind_is_counted_by_hand() -> None:
    """No kind that runs is missing from the table above."""
    own = (kind for kind in default_registry() if kind.owner == "sparx_dsl")
    running = {(kind.role, kind.name) for kind in own if kind.runs}
    assert running == {(role, options.kind) for role, options, *_ in BY_HAND}
    assert {role for role, _ in running} == set(ROLES)


@given(prices, prices, prices)
def test_prices_add_up_in_any_order(a: Price, b: Price, c: Price) -> None:
    """Addition is associative and commutative, and ``ZERO`` changes nothing."""
    assert (a + b) + c == a + (b + c) == sum([c, b, a], ZERO)
    assert a + ZERO == a == ZERO + a


def test_a_price_says_what_it_counts() -> None:
    """A price prints itself with separators and units."""
    assert str(Price(1234567, 89)) == "1,234,567 parameters, 89 MACs"


@given(st.integers(1, 100_000))
def test_halving_rounds_up(size: int) -> None:
    """A step of stride 2, padding 1 and a kernel of 3 gives half the size, rounded up."""
    tape = Tape(saves=False)
    assert tape.convolution(tape.new(1, 1, size, 1), 1, 3, 2).shape[2] == len(range(0, size, 2))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 5]), sides, sides)
def test_groups_divide_the_weights(
    groups: int, inputs: int, outputs: int, kernel: int, height: int, width: int
) -> None:
    """A convolution in groups has one dense convolution's weights for each group, and shares no MAC."""

    def convolved(inputs: int, outputs: int, groups: int) -> Price:
        part = partial(Tape.convolution, channels=outputs, kernel=kernel, groups=groups)
        return told((1, inputs, height, width), part=part)

    grouped = convolved(groups * inputs, groups * outputs, groups)
    assert grouped == sum([convolved(inputs, outputs, 1)] * groups, ZERO)


@given(st.integers(1, 5), sides, sides)
def test_macs_are_those_of_one_image(batch: int, height: int, width: int) -> None:
    """However many images there are, parameters and MACs are those of one."""
    for options in (SS2D(), SSM(), BiSSM(), WindowAttention(heads=2)):
        found: list[Price] = []
        for images in (1, batch):
            tape = Tape()
            x = tape.new(images, options.projected(8), height, width)
            load(default_registry().of("mixer", options).cost)(options, Site(8, 8), tape, x)
            found.append(tape.price)
        assert found[0] == found[1]


@CASES
def test_a_larger_map_costs_no_less(
    role: Role, options: KindOptions, site: Site, height: int, width: int, params: int, macs: int
) -> None:
    """More rows or more columns never cost fewer MACs, and never change the parameters."""
    row = [price_of(role, options, site, height + more, width + 2 * more) for more in range(9)]
    assert {price.params for price in row} == {params}
    assert [price.macs for price in row] == sorted(price.macs for price in row)


@CASES
def test_more_channels_cost_more(
    role: Role, options: KindOptions, site: Site, height: int, width: int, params: int, macs: int
) -> None:
    """Twice the channels have strictly more parameters and MACs."""
    maps = tuple(2 * channels for channels in site.maps)
    twice = replace(site, channels=2 * site.channels, out_channels=2 * site.out_channels, maps=maps)
    wider = price_of(role, options, twice, height, width)
    assert wider.params > params
    assert wider.macs > macs


@settings(max_examples=50)
@given(st.integers(1, 8), sides, sides, st.integers(1, 8))
def test_each_feature_costs_dmca_the_same(features: int, height: int, width: int, reduction: int) -> None:
    """A feature more adds its share of the norms, of the depthwise 3×3 and of the 1×1 to 2C; nothing else."""

    def at(count: int) -> Price:
        return price_of("fusion", DMCA(), Site(8, 16, features=count, reduction=reduction), height, width)

    products, norms = (8 * 9 + 8 * 16) * height * width, (5 + 2) * 8 * height * width
    added = Price(16 + 8 * 9 + 16 + 8 * 16, products, fvcore_macs=products + norms)
    assert at(features + 1) == at(features) + added


@given(
    st.sampled_from([SS2D(), SS2D(bias=False), SSM(), BiSSM(gate=False), WindowAttention(heads=2)]),
    sides,
    st.sampled_from([None, 0.5]),
)
def test_normal_mixing_is_ganglion_mixing_with_norm_and_projection(
    mixer: MixerOptions, side: int, layer_scale: float | None
) -> None:
    """A normal layer adds its norm and the mixer's 1×1 projection to what a ganglion layer's mixing costs."""
    site, chosen = Site(8, 8), LayerSettings(mixer, layer_scale=layer_scale)
    width, x = mixer.projected(8), (1, 8, side, 3)
    projection = products(8 * width + width * mixer.projection_bias, 8 * width * side * 3)
    own = layer_norm(8, side * 3) + projection
    ganglion = told(x, (1, width, side, 3), part=partial(layer.ganglion_mixing, chosen, site))
    assert told(x, part=partial(layer.mixing, chosen, site)) == ganglion + own


def test_parts_of_a_layer() -> None:
    """Position encoding, fusing, feeding, the residual path's scale and the adapter, counted by hand."""
    site, x, features = Site(8, 18, features=3), (1, 8, 5, 4), (1, 24, 5, 4)
    plain = LayerSettings(SS2D(), ConcatFusion(), Mlp())
    scaled = replace(plain, layer_scale=1.0)
    concat, mlp = price_of("fusion", ConcatFusion(), site, 5, 4), price_of("ffn", Mlp(), site, 5, 4)
    norm = layer_norm(8, 20)
    assert told(x, part=layer.dpe) == products(80, 72 * 20)
    assert told(x, part=Tape.scaled) == products(16, 8 * 20)
    assert told(x, features, part=partial(layer.fusing, plain, site)) == concat + norm
    assert told(x, part=partial(layer.feeding, plain, site)) == mlp + norm
    assert told(x, part=partial(layer.feeding, scaled, site)) == mlp + norm + products(16, 8 * 20)
    assert told((1, 6, 5, 4), part=partial(layer.adapter, channels=8, shrinkings=())) == products(6 * 8 + 8, 48 * 20)
    assert told((1, 6, 5, 4), part=partial(layer.adapter, channels=6, shrinkings=())) == ZERO


class Broken(FfnOptions, frozen=True):
    """A feed-forward network of another package."""

    kind: Literal["broken"] = "broken"


def costs_nothing(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> int:
    """A cost that gives a number and no tensor."""
    return 0


def halves(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A cost that gives a map of another size than the module would."""
    return tape.convolution(x, x.shape[1], 3, 2)


def gives_back(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A cost below zero."""
    tape.multiply(-1)
    return x


def fails(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A cost that raises."""
    raise KeyError("channels")


def is_silent(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """A cost that does not say what is saved."""
    tape.weight(x.shape[1])
    return tape.elementwise(x)


def says_nothing_is_saved(options: KindOptions, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The cost of a sum with a parameter, which saves nothing."""
    tape.save()
    return is_silent(options, site, tape, x)


WITH_BROKEN: dict[str, Any] = {
    "sparx": 1, "name": "broken", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
    "stages": [{"channels": 8, "depth": 2, "layers": {2: {"ffn": {"kind": "broken"}}}}], "input": {"size": 16},
}  # fmt: skip


def test_no_kind_saves_nothing_by_mistake() -> None:
    """A cost with parameters says what is saved, or that it is nothing; it is asked with the saved bytes."""
    own = Kind("ffn", "broken", Broken, module=f"{__name__}:fails", cost=is_silent, owner="other")
    with registered(own):
        price = sparx_dsl.cost(WITH_BROKEN)
        with pytest.raises(sparx_dsl.SparxError, match=r"what autograd saves of it, at stage1\.layer2") as caught:
            _ = price.saved_bytes
        assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX407"]
    with registered(replace(own, cost=says_nothing_is_saved)):
        price = sparx_dsl.cost(WITH_BROKEN)
        (row,) = [row for row in price.rows if (row.node, row.part) == ("stage1.layer2", "ffn")]
        # The norm in front of it saves the map and two statistics for each of its 4 × 4 positions.
        assert row.saved_bytes == (8 + 2) * 4 * 4 * 4


@pytest.mark.parametrize(
    ("cost", "code", "reason"),
    [
        (None, "SPX406", "has no cost"),
        (costs_nothing, "SPX407", "returns int"),
        (halves, "SPX407", "returns the shape (1, 8, 2, 2), not the shape (1, 8, 4, 4)"),
        (gives_back, "SPX407", "negative"),
        (fails, "SPX407", "fails with KeyError: 'channels'"),
        ("no_such_package.costs:mlp", "SPX407", "fails with ModuleNotFoundError"),
        (f"{__name__}:no_such_cost", "SPX407", "fails with AttributeError"),
    ],
)
def test_no_kind_is_free_by_mistake(cost: object, code: str, reason: str) -> None:
    """A kind without a cost, or with a broken one, gets a diagnostic that names it, its package and the layer."""
    own = Kind("ffn", "broken", Broken, module=f"{__name__}:fails", cost=cost, owner="other")
    with registered(own):
        for price in (sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check):
            with pytest.raises(sparx_dsl.SparxError) as caught:
                price(WITH_BROKEN)
            (mistake,) = caught.value.diagnostics
            assert mistake.code == code
            assert reason in mistake.message
            assert "the ffn kind 'broken' of other" in mistake.message
            assert "stage1.layer2" in mistake.message
