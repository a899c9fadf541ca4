"""What kinds cost at some sites, counted by hand from the kinds' descriptions."""

from __future__ import annotations

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.downsamples.merge.options import MergeDownsample
from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.kinds.ffns.depthwise_mlp.options import DepthwiseMlp
from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.dmca.options import DMCA
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.kinds.heads.linear.options import LinearHead
from sparx_dsl.kinds.heads.mlp_classifier.options import MlpClassifierHead
from sparx_dsl.kinds.heads.semantic_fpn.options import SemanticFpn
from sparx_dsl.kinds.heads.upernet.options import UPerNet
from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.mixers.bi_ssm.options import BiSSM
from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.kinds.mixers.depthwise.options import DepthwiseBlock
from sparx_dsl.kinds.mixers.inception.options import InceptionBlock
from sparx_dsl.kinds.mixers.inverted_residual.options import InvertedResidual
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import SpatialReductionAttention
from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.kinds.mixers.ssd.options import SSD
from sparx_dsl.kinds.mixers.ssm.options import SSM
from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.kinds.stems.overlapping.options import OverlappingStem
from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.language.base import KindOptions, Site
from sparx_dsl.language.roles import Role
from sparx_dsl.pricing import Price

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
    # 5×4 positions behind 3→64 of 7×7 and 64→64 of 3×3, whose 3×2 patches of 2×2 have no norm.
    ("stem", PatchStem(size=2, convs=2, norm="none"), Site(3, 10), 10, 7,
     3 * 64 * 49 + 64 * 64 * 9 + 2 * 128 + 64 * 10 * 4 + 10, (3 * 64 * 49 + 64 * 64 * 9) * 20 + 64 * 10 * 4 * 6),
    # 3×2 patches of 5×5, four pixels apart, from a 10×7 image.
    ("stem", OverlappingStem(size=5), Site(3, 10), 10, 7, 3 * 10 * 25 + 10 + 20, 750 * 3 * 2),
    ("downsample", ConvDownsample(), Site(6, 10), 5, 4, 6 * 10 * 9 + 20, 540 * 3 * 2),
    ("downsample", ConvDownsample(norm="group"), Site(6, 10), 5, 4, 6 * 10 * 9 + 10 + 20, 540 * 3 * 2),
    ("downsample", ConvDownsample(stride=1), Site(6, 10), 5, 4, 6 * 10 * 9 + 20, 540 * 5 * 4),
    ("downsample", ConvDownsample(stride=4), Site(6, 10), 5, 4, 6 * 10 * 9 + 20, 540 * 2 * 1),
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
    # A 3×3 depthwise convolution, a norm of two numbers a channel, an MLP to twice the channels and back.
    ("mixer", DepthwiseBlock(kernel=3, ratio=2), Site(8, 8), 5, 4,
     8 * 9 + 8 + 16 + 8 * 16 + 16 + 16 * 8 + 8, (8 * 9 + 8 * 16 + 16 * 8) * 20),
    # Inner width 16 and as much for the gate, N = 2, R = 1, three directions, of which the longest has 3×2 windows of
    # 2×2 for a 5×4 map: 24 positions; the attention over 16 channels has 2 hidden ones, for each direction.
    ("mixer", LocalSS2D(directions=("rows", "columns_reversed", "window2"), state=2), Site(8, 8), 5, 4,
     16 * 9 + 16 + 3 * (5 * 16 + 16 + 16 + 16 * 2 + 16) + 32 + (16 * 2 + 2 + 2 * 16 + 16) + 32 + 16 * 8,
     (16 * 9 + 16 * 8) * 20 + 3 * (5 * 16 + 16 + 9 * 16 * 2 + 16) * 24 + 3 * 2 * 16 * 2),
    # The convolution's branch: 3×3, BatchNorm, 1×1. The scans': to 2·8 without bias, 5×5, nine scans of 2×2 positions,
    # N = 2, R = 2; norm, and back. An attention over 8 channels with 1 hidden one, for each branch.
    ("mixer", AtrousSS2D(step=3, state=2, expand=1, rank=2, conv=5), Site(8, 8), 5, 4,
     8 * 9 + 8 + 16 + 8 * 8 + 8
     + 8 * 16 + 8 * 25 + 8 + 9 * (6 * 8 + 2 * 8 + 8 + 8 * 2 + 8) + 16 + 8 * 8 + (16 + 8 + 1 + 8 + 8),
     (8 * 9 + 8 * 8 + 8 * 16 + 8 * 25 + 8 * 8) * 20 + 9 * (6 * 8 + 2 * 8 + 9 * 8 * 2 + 8) * 4 + 2 * 8 * 2),
    # Inner width 16 and as much for the gate, N = 2, R = 1; four scans share the weights of one, and five terms of B.
    ("mixer", ContinuousSS2D(state=2, conv=3), Site(8, 8), 5, 4,
     16 * 9 + 16 + 5 * 16 + 16 + 16 + 16 * 2 + 16 + 5 * 2 + 16 * 8 + 8,
     (16 * 9 + 5 * 16 + 16 + 4 * (9 * 16 * 2 + 16) + 16 * 8) * 20),
    # 1×1 to 16 channels, 5×5, 1×1 back, all without bias and with BatchNorm; factors through 2 channels.
    ("mixer", InvertedResidual(kernel=5, ratio=2), Site(8, 8), 5, 4,
     8 * 16 + 16 * 25 + 16 * 8 + 2 * (16 + 16 + 8) + 16 * 2 + 2 + 2 * 16 + 16,
     (8 * 16 + 16 * 25 + 16 * 8) * 20 + 2 * 16 * 2),
    # 8 gates, 8 + 2·3 channels through a causal convolution of 2, 2 times; on 11×7, two chunks of 64: scores of 3, and
    # their product with 8 channels by 2 heads, states of 3 by 8 made and read; norm of 8, and back.
    ("mixer", SSD(state=3, expand=1, heads=2, conv=2), Site(8, 8), 11, 7,
     14 * 2 + 14 + 3 * 2 + 16 + 8 * 8,
     (14 * 2 + 8 * 8) * 77 + 2 * (64 * 64 * 3 + 64 * 64 * 8 + 2 * 64 * 3 * 8)),
    # Branches of two channels, 3×3, 1×5 and 5×1, with biases; four channels pass.
    ("mixer", InceptionBlock(band=5, branch=5, ratio=2), Site(10, 10), 5, 4,
     2 * (9 + 5 + 5) + 6 + 20 + 10 * 20 + 20 + 20 * 10 + 10, (2 * 19 + 2 * 200) * 20),
    # All 20 positions attend to all: scores and sums over 8 channels, and the projection behind them.
    ("mixer", AttentionMixer(heads=2), Site(8, 8), 5, 4, 64 + 8, (2 * 20 * 8 + 64) * 20),
    # A 5×4 map becomes 2×2 positions; a row is left out. Query, key and value have no bias.
    ("mixer", SpatialReductionAttention(heads=2, reduction=2, qkv_bias=False), Site(8, 8), 5, 4,
     64 + 64 * 4 + 8 + 16 + 128 + 64 + 8, (64 + 2 * 4 * 8 + 64) * 20 + (64 * 4 + 128) * 4),
    # A 5×4 map is padded to one window of 6×6.
    ("mixer", SpatialReductionAttention(heads=1, reduction=6), Site(8, 8), 5, 4,
     72 + 64 * 36 + 8 + 16 + 144 + 72, (64 + 2 * 8 + 64) * 20 + 64 * 36 + 128),
    # 49 means, whatever the map.
    ("mixer", SpatialReductionAttention(head_width=4, reduction="pool"), Site(8, 8), 5, 4,
     72 + 72 + 16 + 144 + 72, (64 + 2 * 49 * 8 + 64) * 20 + (64 + 128) * 49),
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
    ("ffn", DepthwiseMlp(ratio=3, relu=True), Site(8, 8), 5, 4,
     8 * 24 + 24 + 24 * 9 + 24 + 24 * 8 + 8, (2 * 8 * 24 + 24 * 9) * 20),
    ("head", LinearHead(classes=7), Site(8, 8), 5, 4, 16 + 8 * 7 + 7, 8 * 7),
    ("head", LinearHead(classes=7, norm="none"), Site(8, 8), 5, 4, 8 * 7 + 7, 8 * 7),
    ("head", MlpClassifierHead(classes=7, ratio=2), Site(8, 8), 5, 4, 8 * 16 + 16 + 32 + 16 * 7 + 7, 8 * 16 + 16 * 7),
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


def products(params: int, macs: int) -> Price:
    """The price of products, which both conventions count alike."""
    return Price(params, macs, fvcore_macs=macs)


def layer_norm(channels: int, positions: int) -> Price:
    """The price of a LayerNorm, which fvcore counts."""
    return Price(2 * channels, fvcore_macs=5 * channels * positions)
