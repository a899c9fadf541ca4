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
from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.resolve import LayerSettings
from sparx_dsl.language.roles import ROLES, FfnOptions, MixerOptions, Role
from sparx_dsl.pricing import layer
from sparx_dsl.pricing.price import ZERO, Price
from sparx_dsl.pricing.tape import FakeTensor, Tape
from sparx_dsl.registry import default_registry
from tests.support.costs import map_sizes, price_of, told
from tests.support.kinds import registered

prices = st.builds(Price, st.integers(0, 2**70), st.integers(0, 2**70))
sides = st.integers(1, 40)

# (role, options, site, height, width, parameters, MACs), every number from the description of the kind.
BY_HAND: list[tuple[Role, KindOptions, Site, int, int, int, int]] = [
    # 10×7 image: 5×4, then 3×2. Convolutions 3→6, 6→6, 6→12 without bias; BatchNorms of 6, 6, 12.
    ("stem", ConvStem(convs=3), Site(3, 12), 10, 7,
     3 * 6 * 9 + 6 * 6 * 9 + 6 * 12 * 9 + 2 * (6 + 6 + 12), (162 + 324) * 5 * 4 + 648 * 3 * 2),
    # The same with biases, and one convolution less.
    ("stem", ConvStem(convs=2, norm="layer"), Site(3, 12), 10, 7,
     3 * 6 * 9 + 6 * 12 * 9 + 18 + 2 * (6 + 12), 162 * 5 * 4 + 648 * 3 * 2),
    # 3×2 patches of 4×4 from a 10×7 image.
    ("stem", PatchStem(size=4), Site(3, 10), 10, 7, 3 * 10 * 16 + 10 + 20, 480 * 3 * 2),
    ("downsample", ConvDownsample(), Site(6, 10), 5, 4, 6 * 10 * 9 + 20, 540 * 3 * 2),
    ("downsample", ConvDownsample(norm="group"), Site(6, 10), 5, 4, 6 * 10 * 9 + 10 + 20, 540 * 3 * 2),
    ("downsample", MergeDownsample(), Site(6, 10), 5, 4, 24 * 10 + 48, 240 * 3 * 2),
    # Inner width 16, N = 3, R = 1: depthwise 5×5; four of (1 + 3 + 3)·16, 1·16, bias, A and D; norm; 16→8.
    ("mixer", SS2D(state=3, conv=5), Site(8, 8, "group"), 4, 3,
     16 * 25 + 16 + 4 * (7 * 16 + 16 + 16 + 16 * 3 + 16) + 32 + 16 * 8 + 8,
     (16 * 25 + 4 * (7 * 16 + 16) + 9 * 64 * 3 + 64 + 16 * 8) * 12),
    # No depthwise convolution, no biases, R = 2.
    ("mixer", SS2D(conv=0, bias=False, rank=2), Site(8, 8), 4, 3,
     4 * (4 * 16 + 2 * 16 + 16 + 16 + 16) + 32 + 16 * 8, (4 * (4 * 16 + 2 * 16) + 9 * 64 + 64 + 16 * 8) * 12),
    # Causal kernel of 4 with bias; R = 2 for 20 channels; N = 16.
    ("mixer", SSM(), Site(20, 20), 4, 3,
     40 * 4 + 40 + 34 * 40 + 2 * 40 + 40 + 40 * 16 + 40 + 40 * 20,
     (40 * 4 + 34 * 40 + 2 * 40 + 9 * 40 * 16 + 40 + 40 * 20) * 12),
    # Two of everything but the output projection, which has a bias here.
    ("mixer", BiSSM(state=8, conv=0, gate=False, bias=True), Site(8, 8), 4, 3,
     2 * (17 * 16 + 16 + 16 + 16 * 8 + 16) + 16 * 8 + 8,
     (2 * (17 * 16 + 16 + 9 * 16 * 8 + 16) + 16 * 8) * 12),
    # A 5×4 map has 2×2 windows of 3×3: nine scores of each of 9 positions, twice, over 8 channels.
    ("mixer", WindowAttention(window=3, heads=2), Site(8, 8), 5, 4,
     25 * 2 + 8 * 8 + 8, 2 * (4 * 9 * 9 * 8) + 64 * 20),
    # L = 3, r = 2 on 5×4, so 3×2 reduced positions; two groups of 6; 36 channels to 24 of 26, the rest free.
    ("fusion", DMCA(groups=2), Site(12, 26, features=3, reduction=2), 5, 4,
     72 + 36 * 9 + 72 + 36 * 24 + 24
     + 2 * (12 * 9 + 24 + 144 + 24) + (144 + 24) + (36 * 9 + 36 + 12 * 24 + 24),
     (36 * 9 + 36 * 24) * 20 + 2 * (12 * 9 + 144) * 6 + 144 * 20 + 2 * 36 * (6 + 20)
     + (36 * 9 + 12 * 24) * 20),
    # Nothing is reduced: no reducers, and the scores see all 20 positions.
    ("fusion", DMCA(groups=4, reduction=1), Site(12, 24, features=1, reduction=2), 5, 4,
     24 + 12 * 9 + 24 + 12 * 24 + 24 + 3 * (144 + 24) + (36 * 9 + 36 + 12 * 24 + 24),
     (12 * 9 + 12 * 24 + 3 * 144 + 36 * 9 + 12 * 24) * 20 + 4 * 9 * 40),
    # The same without X and V beside Z: depthwise on 12, 12 channels to 26.
    ("fusion", DMCA(groups=4, reduction=1, shortcut=False), Site(12, 26, features=1, reduction=2), 5, 4,
     24 + 12 * 9 + 24 + 12 * 24 + 24 + 3 * (144 + 24) + (12 * 9 + 12 + 12 * 26 + 26),
     (12 * 9 + 12 * 24 + 3 * 144 + 12 * 9 + 12 * 26) * 20 + 4 * 9 * 40),
    # 24 channels gathered to 8; query and value; 16 channels to 24, depthwise, to 18.
    ("fusion", NoGcca(ratio=3), Site(8, 18, features=3), 5, 4,
     48 + 24 * 9 + 48 + 24 * 8 + 8 + 2 * (64 + 16) + 16 * 24 + 24 + 24 * 9 + 24 + 24 * 18 + 18,
     (24 * 9 + 24 * 8 + 2 * 64 + 16 * 24 + 24 * 9 + 24 * 18) * 20),
    # Kernels of 5×5 and stride 3 leave 2×2 of 5×4 positions; 20 positions attend to 20 + 4 tokens.
    ("fusion", SCA(heads=2, merging=3), Site(8, 18, features=3), 5, 4,
     24 * 25 + 3 + 48 + 24 * 16 + 16 + 8 * 24 + 24 + 8 * 8 + 8 + 8 * 9 + 16 + 8 * 18 + 18,
     (24 * 25 + 24 * 16) * 4 + 2 * 20 * 24 * 8 + (8 * 24 + 8 * 8 + 8 * 9 + 8 * 18) * 20),
    # As DMCA on 5×4 with r = 2, but key and value are reduced, and 20 positions attend to 6.
    ("fusion", SRA(head_width=4), Site(12, 26, features=3, reduction=2), 5, 4,
     72 + 36 * 9 + 72 + 36 * 24 + 24
     + 2 * (12 * 9 + 24 + 144 + 24) + (144 + 24) + (36 * 9 + 36 + 12 * 24 + 24),
     (36 * 9 + 36 * 24) * 20 + 2 * (12 * 9 + 144) * 6 + 144 * 20 + 2 * 20 * 6 * 12
     + (36 * 9 + 12 * 24) * 20),
    # (1 + 3)·8 channels to 16, depthwise, to 18.
    ("fusion", ConcatFusion(ratio=2), Site(8, 18, features=3), 5, 4,
     32 * 16 + 16 + 16 * 9 + 16 + 16 * 18 + 18, (32 * 16 + 16 * 9 + 16 * 18) * 20),
    ("ffn", Mlp(ratio=3), Site(8, 8), 5, 4, 8 * 24 + 24 + 24 * 8 + 8, 2 * 8 * 24 * 20),
    ("ffn", ConvFfn(ratio=3), Site(8, 8), 5, 4,
     8 * 24 + 24 + 24 * 9 + 24 + 24 * 8 + 8, (2 * 8 * 24 + 24 * 9) * 20),
    ("head", LinearHead(classes=7), Site(8, 8), 5, 4, 16 + 8 * 7 + 7, 8 * 7),
    # Maps of 4, 6 and 8 channels at 5×4, 3×2 and 2×1; norms; pyramid of 3 with biases; climbs of 1, 1 and 2 to 2.
    ("head", SemanticFpn(classes=7, pyramid_channels=3, head_channels=2), Site(8, 8, maps=(4, 6, 8)), 5, 4,
     2 * 18 + 18 * 3 + 9 + 3 * (81 + 3) + 3 * (54 + 4) + 36 + 4 + 2 * 7 + 7,
     (4 * 3 + 81 + 54 + 14) * 20 + (6 * 3 + 81 + 54 + 36) * 6 + (8 * 3 + 81 + 54) * 2),
    # The same maps. Pools of 1 and 2: 5 positions of 8→3, then 14→3; 4→3 and 6→3 and 3→3 at their sizes; 9→3 and the
    # classes at the first; BatchNorms of 3 behind all eight but the classes. The auxiliary head reads the 6 channels.
    ("head", UPerNet(classes=7, pyramid_channels=3, pools=(1, 2), auxiliary_channels=5),
     Site(8, 8, maps=(4, 6, 8)), 5, 4,
     2 * 18 + 2 * 24 + 14 * 27 + 12 + 18 + 2 * 81 + 9 * 27 + 8 * 6 + 21 + 7 + 6 * 45 + 10 + 35 + 7,
     24 * 5 + 14 * 27 * 2 + (12 + 81 + 9 * 27 + 21) * 20 + (18 + 81) * 6),
]  # fmt: skip
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
    scans = {"ss2d": 4, "ssm": 1, "bi_ssm": 2}.get(options.kind, 0) if role == "mixer" else 0
    mixer: Any = options
    scanned = scans and scans * (9 * mixer.state + 1) * mixer.expand * site.channels * height * width
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

    added = Price(16 + 8 * 9 + 16 + 8 * 16, (8 * 9 + 8 * 16) * height * width)
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
    own = Price(16 + 8 * width + width * mixer.projection_bias, 8 * width * side * 3)
    ganglion = told(x, (1, width, side, 3), part=partial(layer.ganglion_mixing, chosen, site))
    assert told(x, part=partial(layer.mixing, chosen, site)) == ganglion + own


def test_parts_of_a_layer() -> None:
    """Position encoding, fusing, feeding, the residual path's scale and the adapter, counted by hand."""
    site, x, features = Site(8, 18, features=3), (1, 8, 5, 4), (1, 24, 5, 4)
    plain = LayerSettings(SS2D(), ConcatFusion(), Mlp())
    scaled = replace(plain, layer_scale=1.0)
    concat, mlp = price_of("fusion", ConcatFusion(), site, 5, 4), price_of("ffn", Mlp(), site, 5, 4)
    assert told(x, part=layer.dpe) == Price(80, 72 * 20)
    assert told(x, part=Tape.scaled) == Price(16, 8 * 20)
    assert told(x, features, part=partial(layer.fusing, plain, site)) == concat + Price(16)
    assert told(x, part=partial(layer.feeding, plain, site)) == mlp + Price(16)
    assert told(x, part=partial(layer.feeding, scaled, site)) == mlp + Price(16) + Price(16, 8 * 20)
    assert told((1, 6, 5, 4), part=partial(layer.adapter, channels=8, ratio=1)) == Price(6 * 8 + 8, 48 * 20)
    assert told((1, 6, 5, 4), part=partial(layer.adapter, channels=6, ratio=1)) == ZERO


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


@pytest.mark.parametrize(
    ("cost", "code", "reason"),
    [
        (None, "SPX406", "has no cost"),
        (costs_nothing, "SPX407", "gives int"),
        (halves, "SPX407", "gives the shape (1, 8, 2, 2) and not the shape (1, 8, 4, 4)"),
        (gives_back, "SPX407", "below zero"),
        (fails, "SPX407", "fails with KeyError: 'channels'"),
        ("no_such_package.costs:mlp", "SPX407", "fails with ModuleNotFoundError"),
        (f"{__name__}:no_such_cost", "SPX407", "fails with AttributeError"),
    ],
)
def test_no_kind_is_free_by_mistake(cost: object, code: str, reason: str) -> None:
    """A kind without a cost, or with a broken one, gets a diagnostic that names it, its package and the layer."""
    own = Kind("ffn", "broken", Broken, module=f"{__name__}:fails", cost=cost, owner="other")
    spec = {"sparx": 1, "name": "broken", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}},
            "stages": [{"channels": 8, "depth": 2, "layers": {2: {"ffn": {"kind": "broken"}}}}],
            "input": {"size": 16}}  # fmt: skip
    with registered(own):
        for price in (sparx_dsl.cost, sparx_dsl.prices, sparx_dsl.check):
            with pytest.raises(sparx_dsl.SparxError) as caught:
                price(spec)
            (mistake,) = caught.value.diagnostics
            assert mistake.code == code
            assert reason in mistake.message
            assert "the ffn kind 'broken' of other" in mistake.message
            assert "stage1.layer2" in mistake.message
