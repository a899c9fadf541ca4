"""Mask R-CNN (He et al. 2017) on a backbone, as torchvision builds it, recorded in shapes: its size without torch.

A layer norm on the map of each stage, a feature pyramid with a fifth level that is pooled from the fourth, the region
proposal network on all levels, two linear layers for boxes and four convolutions for masks. Regions are the number that
is usual in counts: 1000 for boxes and 100 for masks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing.cost_rows import cost
from sparx_dsl.pricing.price import Price
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape

CLASSES = 81
"""COCO's 80 and the background."""
PYRAMID, HIDDEN = 256, 1024
"""Channels of the pyramid, and of the linear layers for boxes."""
ANCHORS = 3
"""For each position of a level."""
BOXES, BOX_SIDE = 1000, 7
MASKS, MASK_SIDE = 100, 14
"""Regions that the two heads see, and the side of each region's map."""


def mask_rcnn_price(spec: Spec, size: tuple[int, int]) -> Price:
    """Parameters and MACs of the detector on the maps of all stages, for one image of ``size`` (height, width).

    Raises ``SparxError``.
    """
    stages = tuple(range(1, len(spec.stages) + 1))
    backbone = cost(spec, size, features=stages)
    counted = cost(spec, size, features=stages, convention="fvcore")
    tape, buffers = Tape(saves=False), backbone.schedule.buffers
    maps = [tape.new(*buffers[name].shape) for name in backbone.schedule.outputs]
    _regions(tape, _pyramid(tape, maps))
    _boxes(tape)
    _masks(tape)
    return Price(backbone.params, backbone.macs, fvcore_macs=counted.macs) + tape.price


def _pyramid(tape: Tape, maps: Sequence[FakeTensor]) -> list[FakeTensor]:
    """The levels of the pyramid, finest first, each (1, PYRAMID, height, width)."""
    levels = [tape.convolution(tape.norm("layer", x), PYRAMID) for x in maps]
    for place in reversed(range(len(levels) - 1)):
        tape.resize(levels[place + 1], levels[place], nearest=True)
    levels = [tape.convolution(x, PYRAMID, 3) for x in levels]
    height, width = levels[-1].shape[2:]
    return [*levels, tape.new(1, PYRAMID, -(-height // 2), -(-width // 2))]


def _regions(tape: Tape, levels: Sequence[FakeTensor]) -> None:
    """The region proposal network, whose weights all levels share."""
    first, *others = levels
    _proposals(tape, first)
    for x in others:
        again = Tape(saves=False)
        _proposals(again, x)
        tape.add_macs(again.macs, again.fvcore_macs)


def _proposals(tape: Tape, x: FakeTensor) -> None:
    hidden = tape.convolution(x, PYRAMID, 3)
    tape.convolution(hidden, ANCHORS)
    tape.convolution(hidden, 4 * ANCHORS)


def _boxes(tape: Tape) -> None:
    """The head for classes and boxes."""
    hidden = tape.linear(tape.new(1, BOXES, PYRAMID * BOX_SIDE**2), HIDDEN, bias=True)
    hidden = tape.linear(hidden, HIDDEN, bias=True)
    tape.linear(hidden, CLASSES, bias=True)
    tape.linear(hidden, 4 * CLASSES, bias=True)


def _masks(tape: Tape) -> None:
    """The head for masks; the regions' maps stand below each other, which counts as their batch would."""
    x = tape.new(1, PYRAMID, MASKS * MASK_SIDE, MASK_SIDE)
    for _ in range(4):
        x = tape.convolution(x, PYRAMID, 3)
    # A transposed convolution of kernel and stride 2 makes four positions of each, by a product of its own for each.
    tape.convolution(x, 4 * PYRAMID, bias=False)
    tape.weight(PYRAMID)
    tape.convolution(tape.new(1, PYRAMID, 2 * MASKS * MASK_SIDE, 2 * MASK_SIDE), CLASSES)
