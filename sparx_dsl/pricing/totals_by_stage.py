"""The totals of a backbone's price without its graph and its schedule: for search, which asks thousands of times.

Without links nothing crosses from one stage to the next but the last map, and the maps that a head reads. So what a
stage costs follows from its own settings, its width and the size of its maps; the whole is the sum, and the peak the
largest of the stages', with the maps beside it that the head has yet to read. Backbones with links are priced by
their schedules, as are those whose head reads a map that the next stage takes as it is. The results are those of
``cost``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sparx_dsl.language.dtypes import DType
from sparx_dsl.language.resolve import ResolvedStage
from sparx_dsl.language.shrinking import shrunk
from sparx_dsl.language.spec import Spec
from sparx_dsl.pricing.cost_rows import cost
from sparx_dsl.pricing.kind_cost import KindCostError
from sparx_dsl.pricing.price import Totals
from sparx_dsl.pricing.stage_cost import PartCost, Size, head_cost, opening_cost, stage_cost
from sparx_dsl.pricing.stage_shape import features_read
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule.request import Request, checked_request


def prices(spec: Spec, size: Size | None = None, batch: int = 1, dtype: DType = "float32") -> Totals:
    """The totals of ``cost`` for images of ``size`` (height, width), by default the spec's; raises what ``cost`` does.

    Parameters, MACs and FLOPs for one image, bytes for the batch. Several times as fast, and more where backbones have
    layers in common with those that were priced before.
    """
    request = checked_request(spec, size, batch, dtype, None)
    stages = spec.resolved
    # A map that a head reads, and the next stage as it is, is held once for both.
    shared = spec.head.reads_all_stages and not all(stage.is_opened for stage in stages)
    if spec.links.add or spec.links.cut or shared or not _connects(stages, spec.limits.connections):
        return cost(spec, size, batch, dtype).totals
    return _summed(list(_parts(spec, stages, request.size)), request)


def _connects(stages: Sequence[ResolvedStage], most: int) -> bool:
    """Whether every ganglion layer reads something, and not too much is read; ``cost`` reports others."""
    total = 0
    for stage in stages:
        features = features_read(stage.rule)
        total += sum(features)
        if not all(features[layer - 1] for layer in stage.rule.ganglion):
            return False
    return total <= most


def _summed(parts: list[tuple[PartCost, int]], request: Request) -> Totals:
    """The totals of all parts of a backbone."""
    params = sum(part.price.params for part, _ in parts)
    macs, flops = sum(part.price.macs for part, _ in parts), sum(part.price.flops for part, _ in parts)
    held, moved = request.batch * request.item_bytes, sum(part.moved for part, _ in parts)
    peak = max(part.peak + passing for part, passing in parts) * held
    return Totals(params, macs, flops, peak, moved * held + params * request.item_bytes)


def _parts(spec: Spec, stages: Sequence[ResolvedStage], size: Size) -> Iterator[tuple[PartCost, int]]:
    """Every part in order, with what passes it by: what a later part reads, and the current part does not."""
    sizes = tuple(shrunk(size, stage.shrinkings) for stage in stages)
    areas = [stage.channels * height * width for stage, (height, width) in zip(stages, sizes, strict=True)]
    image, node = (spec.input.channels, *size), ""
    passing = passing_by(spec.head.reads_all_stages, image[0] * image[1] * image[2], areas)
    try:
        for stage, made, given, (opening, layers) in zip(stages, sizes, (size, *sizes[:-1]), passing, strict=True):
            role, node = "stem" if stage.position == 1 else "downsample", stage.opening_name
            if stage.is_opened:
                yield opening_cost(role, stage.opening, stage.opening_site, given, made), opening
            yield stage_cost(stage, made), layers
        if default_registry().of("head", spec.head).runs:
            node, widths = "head", tuple(stage.channels for stage in stages)
            yield head_cost(spec.head, spec.layer.norm, widths, sizes, image), 0
    except KindCostError as error:
        raise error.at(node) from error.__cause__


def passing_by(tapped: Any, image: Any, areas: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """For each stage the elements that pass its opening by, and those that pass its layers by.

    ``tapped`` is 1 where the head reads the images and the last map of every stage, else 0; ``image`` and ``areas`` are
    the elements of the images and of each stage's map. All are integers, or arrays of integers of one shape.
    """
    held: Any = 0
    passing = tapped * image
    for area in areas:
        # The opening holds what it reads, the map of the stage before, by itself.
        yield held, passing
        held, passing = passing, passing + tapped * area
