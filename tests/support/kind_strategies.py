"""Hypothesis strategies for the options of every built-in kind; all of them fit every width that is drawn here."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

UNIT = 8
"""Every width is a multiple of this, so that all groups, heads and head widths drawn here divide it."""

DIVISORS = st.sampled_from([1, 2, 4])
NORMS = st.sampled_from(["group", "layer", "batch", "rms"])
EPSILONS = st.sampled_from([1e-6, 1e-5, 1e-3])
RATIOS = st.sampled_from([1, 2, 1.5, 2.6667])
RATES = st.sampled_from([0.0, 0.5])
REMAINDERS = st.sampled_from(["pad", "crop"])
REDUCTIONS = st.sampled_from(["auto", 1, 2, 3])

Options = st.SearchStrategy[dict[str, Any]]


@cache
def widths(most: int = 4) -> st.SearchStrategy[int]:
    """Channels that every drawn kind accepts."""
    return st.integers(1, most).map(lambda k: UNIT * k)


def of_kind(kind: str, given: dict[str, st.SearchStrategy[Any]] | None = None, **optional: Any) -> Options:
    """A kind with options that are always given, and options that may be left out."""
    return st.fixed_dictionaries({"kind": st.just(kind), **(given or {})}, optional=optional)


def headed(kind: str, **optional: Any) -> Options:
    """A kind whose heads are given by their number or by their width: the default width divides few of our channels."""
    by_width = of_kind(kind, {"head_width": st.sampled_from([4, 8])}, **optional)
    return st.one_of(by_width, of_kind(kind, {"heads": DIVISORS}, **optional))


def sequence_mixer(kind: str, **optional: Any) -> Options:
    """SSM or Bi-SSM."""
    return of_kind(
        kind, state=st.integers(1, 3), expand=RATIOS, conv=st.integers(0, 4), gate=st.booleans(),
        bias=st.booleans(), rank=st.sampled_from(["auto", 1, 3]), **optional
    )  # fmt: skip


@cache
def mixers() -> Options:
    """Any token mixer."""
    window = headed("window_attention", window=st.integers(1, 7), shift=st.booleans(), dropout=RATES)
    ss2d = of_kind(
        "ss2d", state=st.integers(1, 2), expand=RATIOS, conv=st.sampled_from([0, 1, 3, 5]),
        bias=st.booleans(), rank=st.sampled_from(["auto", 1, 2, 3]),
    )  # fmt: skip
    depthwise = of_kind("depthwise", kernel=st.sampled_from([1, 3, 7]), ratio=RATIOS)
    sequences = sequence_mixer("ssm"), sequence_mixer("bi_ssm", halve=st.booleans())
    attention = headed("attention", qkv_bias=st.booleans())
    reduced = headed(
        "spatial_reduction_attention", qkv_bias=st.booleans(), eps=EPSILONS,
        reduction=st.sampled_from([1, 2, 4, "pool"]),
    )  # fmt: skip
    parts = local_ss2d(), atrous_ss2d(), continuous_ss2d(), inverted_residual(), ssd()
    inception = of_kind("inception", band=st.sampled_from([5, 11]), branch=st.sampled_from([3, 8]), ratio=RATIOS)
    return st.one_of(window, ss2d, depthwise, inception, attention, reduced, *parts, *sequences)


@cache
def atrous_ss2d() -> Options:
    """Scans of some grids."""
    return of_kind(
        "atrous_ss2d", step=st.integers(1, 3), state=st.integers(1, 2), expand=RATIOS,
        conv=st.sampled_from([0, 3, 5]), rank=st.sampled_from(["auto", 1, 3]),
    )  # fmt: skip


@cache
def continuous_ss2d() -> Options:
    """Scans along continuous paths."""
    return of_kind(
        "continuous_ss2d", state=st.integers(1, 2), expand=RATIOS, conv=st.sampled_from([0, 3, 5]),
        gate=st.booleans(), bias=st.booleans(), rank=st.sampled_from(["auto", 1, 3]),
    )  # fmt: skip


@cache
def ssd() -> Options:
    """The block of Mamba-2."""
    given = {"state": st.integers(1, 3), "expand": st.integers(1, 2), "conv": st.integers(1, 4), "bias": st.booleans()}
    return headed("ssd", **given)


@cache
def inverted_residual() -> Options:
    """An inverted residual block."""
    return of_kind("inverted_residual", kernel=st.sampled_from([3, 5]), ratio=RATIOS)


@cache
def local_ss2d() -> Options:
    """Scans in some directions, of which several are windows."""
    orders = st.sampled_from(["rows", "columns", "window2", "window3", "window7"])
    names = st.tuples(orders, st.sampled_from(["", "_reversed"])).map("".join)
    return of_kind(
        "local_ss2d", directions=st.lists(names, min_size=1, max_size=4), state=st.integers(1, 2),
        expand=RATIOS, conv=st.sampled_from([0, 3, 5]), gate=st.booleans(), bias=st.booleans(),
        rank=st.sampled_from(["auto", 1, 3]),
    )  # fmt: skip


@cache
def fusions() -> Options:
    """Any fusion."""
    return st.one_of(
        of_kind("dmca", groups=DIVISORS, reduction=REDUCTIONS, shortcut=st.booleans()),
        of_kind("concat", ratio=RATIOS),
        of_kind("no_gcca", ratio=RATIOS),
        headed("sca", merging=st.integers(1, 4)),
        headed("sra", reduction=REDUCTIONS),
    )


@cache
def ffns() -> Options:
    """Any feed-forward network, none included."""
    narrow = of_kind("mlp", ratio=RATIOS, dropout=RATES), of_kind("conv", ratio=RATIOS, dropout=RATES)
    return st.one_of(*narrow, of_kind("depthwise_mlp", ratio=RATIOS, relu=st.booleans()), of_kind("none"))


@cache
def _conv_downsample() -> Options:
    options: dict[str, Any] = {"norm": NORMS, "norm_place": st.sampled_from(["after", "before"]), "eps": EPSILONS}
    strided = of_kind("conv", stride=st.sampled_from([1, 2, 4]), **options)
    patches = of_kind("conv", {"kernel": st.just(2)}, remainder=REMAINDERS, **options)
    return st.one_of(of_kind("conv", kernel=st.sampled_from([2, 3]), **options), patches, strided)


@cache
def downsamples() -> Options:
    """Any downsampling but ``none``, which asks for stages of one width."""
    return st.one_of(_conv_downsample(), of_kind("merge", norm=NORMS))


@cache
def stems() -> Options:
    """Any stem."""
    return st.one_of(
        of_kind("conv", convs=st.integers(2, 3), norm=NORMS, position_embedding=st.booleans()),
        of_kind(
            "patch", size=st.sampled_from([1, 2, 4]), norm=st.one_of(NORMS, st.just("none")), eps=EPSILONS,
            position_embedding=st.booleans(), convs=st.sampled_from([0, 0, 2]),
            remainder=REMAINDERS,
        ),
        of_kind("overlapping", size=st.sampled_from([5, 7]), step=st.sampled_from([2, 4]), norm=NORMS, eps=EPSILONS),
    )  # fmt: skip


@cache
def heads() -> Options:
    """Any head, none included; those for dense prediction narrow."""
    classes, narrow = {"classes": st.integers(1, 5)}, st.sampled_from([2, 4])
    pools = st.lists(st.integers(1, 7), min_size=1, max_size=3)
    fpn = {**classes, "pyramid_channels": narrow, "head_channels": narrow}
    classifier_norms = st.sampled_from(["group", "layer", "batch", "rms", "none"])
    upernet = {**classes, "pyramid_channels": narrow, "auxiliary_channels": narrow}
    return st.one_of(
        of_kind("none"),
        of_kind("linear", classes, norm=classifier_norms, eps=EPSILONS, pool_first=st.booleans()),
        of_kind("mlp_classifier", classes, ratio=st.integers(1, 3), eps=EPSILONS),
        of_kind("semantic_fpn", fpn, norm=NORMS, eps=EPSILONS, dropout=RATES),
        of_kind("upernet", upernet, norm=NORMS, eps=EPSILONS, dropout=RATES, auxiliary=st.booleans(), pools=pools),
    )
