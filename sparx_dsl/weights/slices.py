"""Values of a tensor of another width: the channels that both have, as once-for-all networks share them.

Source: Cai et al. 2020, "Once-for-All: Train One Network and Specialize it for Efficient Deployment", where a narrower
layer has the first channels of a wider one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from torch import Tensor, nn

from sparx_dsl.kinds.slices import MIXER_INPUT, Blocks
from sparx_dsl.lowering import Backbone
from sparx_dsl.weights.feature_axes import FeatureMatch
from sparx_dsl.weights.kind_modules import KindModule, KindModules

Segment = tuple[int, int, int]
"""Where a run of channels begins in the source, where in the target, and how many there are."""
HOW: Final = "the channels that both have copied, the rest as drawn"
ONE: Final = Blocks()


def sliced(found: Tensor, drawn: Tensor, axes: Sequence[list[Segment] | None]) -> Tensor | None:
    """The target's own values, of their shape, with those of the source where both have channels.

    None where an axis does not fit.
    """
    runs = [segments for segments in axes if segments is not None]
    if len(runs) < len(axes) or not all(runs):
        return None
    value = drawn.clone()
    for places in product(*runs):
        there = tuple(slice(start, start + length) for _, start, length in places)
        here = tuple(slice(start, start + length) for start, _, length in places)
        value[there] = found[here].to(drawn.device, drawn.dtype)
    return value


def segments(before: int, now: int, blocks: Blocks) -> list[Segment] | None:
    """The runs of an axis of two lengths; None where either is no such blocks."""
    widths = [length - blocks.tail for length in (before, now)]
    if any(width < 0 or width % blocks.count for width in widths):
        return None
    old, new = (width // blocks.count for width in widths)
    runs = [(block * old, block * new, min(old, new)) for block in range(blocks.count)]
    return [*runs, (widths[0], widths[1], blocks.tail)] if blocks.tail else runs


def feature_segments(before: int, now: int, match: FeatureMatch, own: int) -> list[Segment] | None:
    """The runs of an axis with a block for each feature, behind ``own`` other blocks; None where they do not fit."""
    slots = [*range(own), *(None if slot is None else own + slot for slot in match.origins)]
    blocks = own + len(match.gone) + sum(slot is not None for slot in match.origins)
    if before % blocks or now % len(slots):
        return None
    old, new = before // blocks, now // len(slots)
    return [(slot * old, place * new, min(old, new)) for place, slot in enumerate(slots) if slot is not None]


def axis_blocks(kinds: KindModules, model: Backbone, tensor: str, ndim: int) -> list[Blocks | None] | None:
    """The blocks of every axis of a tensor; None for an axis that must be the same in both.

    Nothing for the tensors of a kind that does not say how channels lie in them.
    """
    located = kinds.locate(tensor)
    declared: Mapping[int, Blocks | None] = {}
    if located is not None:
        module, inner = located
        if module.checkpoint.blocks is None:
            return None
        blocks = module.checkpoint.blocks(module.options)
        declared = blocks.get(inner, blocks.get(inner.rpartition(".")[0], {}))
    fixed = _fixed_axes(kinds, model, tensor, ndim)
    found = [None if axis in fixed else declared.get(axis, ONE) for axis in range(ndim)]
    return [_read_by_mixer(kinds, located) if blocks == MIXER_INPUT else blocks for blocks in found]


def _fixed_axes(kinds: KindModules, model: Backbone, tensor: str, ndim: int) -> set[int]:
    """The axes of a kernel's size, and of classes."""
    owner = model.get_submodule(tensor.rpartition(".")[0])
    fixed = set(range(2, ndim)) if isinstance(owner, nn.Conv1d | nn.Conv2d) else set[int]()
    return fixed | {0} if kinds.counts_classes(tensor) else fixed


def _read_by_mixer(kinds: KindModules, located: tuple[KindModule, str] | None) -> Blocks | None:
    """The blocks of the mixer's input in the layer of a fusion; None where its kind does not say."""
    assert located is not None
    mixer = kinds.by_path[f"{located[0].node.name}.mixer"]
    if mixer.checkpoint.blocks is None:
        return None
    return mixer.checkpoint.blocks(mixer.options).get("projection", {}).get(0, ONE)
