"""The totals of a backbone's price without its graph and its schedule: for search, which asks thousands of times.

Without links nothing crosses from one stage to the next but the last map, and the maps that a head reads. So what a
stage costs follows from its own settings, its width and the size of its maps; the whole is the sum, and the peak the
largest of the stages', with the maps beside it that the head has yet to read. Backbones with links are priced by
their schedules. The results are those of ``cost``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sparx_dsl.graph.build_graph import placed_layers
from sparx_dsl.pricing.cost import cost
from sparx_dsl.pricing.layer_total import LayerPrice, heeds_number, layer_price, runs_ffn
from sparx_dsl.pricing.parts import Part, Size, ending, layers, map_size, opening
from sparx_dsl.pricing.price import ZERO
from sparx_dsl.pricing.stage_shape import StageRule, features_read, stage_shape
from sparx_dsl.pricing.totals import Totals
from sparx_dsl.schedule import DType
from sparx_dsl.schedule.request import Request, checked_request
from sparx_dsl.spec import DEFAULT_LIMITS, Spec, default_registry
from sparx_dsl.spec.models import Stage
from sparx_dsl.spec.resolve import stage_settings


def prices(spec: Spec, size: Size | None = None, batch: int = 1, dtype: DType = "float32") -> Totals:
    """The totals of ``cost`` for images of ``size`` (height, width), by default the spec's; raises what ``cost`` does.

    Several times as fast, and more where backbones have layers in common with those that were priced before.
    """
    request = checked_request(spec, size, batch, dtype, None)
    if spec.links.add or spec.links.cut or not all(map(_connects, spec.stages)):
        return cost(spec, size, batch, dtype).totals
    return _summed(list(_parts(spec, request.size)), request)


def stage_rule(stage: Stage) -> StageRule:
    """What decides which layer of a stage hears which."""
    return StageRule(
        stage.depth, placed_layers(stage), stage.M or "all", stage.cross_stage or "first", stage.intra or "since_last"
    )


def _connects(stage: Stage) -> bool:
    """Whether every ganglion layer of the stage reads something, and not too much is read; ``cost`` tells of others."""
    features = features_read(stage_rule(stage))
    placed = placed_layers(stage)
    return all(features[layer - 1] for layer in placed) and sum(features) * 16 <= DEFAULT_LIMITS.connections


def _summed(parts: list[Part], request: Request) -> Totals:
    """The totals of all parts of a backbone."""
    price = ZERO
    for part in parts:
        price += part.price
    held = request.batch * request.item_bytes
    moved = sum(part.moved for part in parts) * held + price.params * request.item_bytes
    return Totals(price.params, price.macs, price.flops, max(part.peak for part in parts) * held, moved)


def _parts(spec: Spec, size: Size) -> Iterator[Part]:
    """Every part in order, with what passes it by: what a later part reads, and the part at hand does not."""
    tapped = spec.head.reads_all_stages
    images = spec.input.channels * size[0] * size[1]
    passing, before, given = 0, spec.input.channels, size
    widths, areas = [stage.channels for stage in spec.stages], _areas(spec, size)
    for index, (stage, area) in enumerate(zip(spec.stages, areas, strict=True)):
        if index == 0:
            yield opening("stem", spec.stem, before, stage.channels, given, area)
            passing = images if tapped else 0
        else:
            options = stage.downsample or spec.downsample
            yield _beside(passing, opening("downsample", options, before, stage.channels, given, area))
            passing += before * given[0] * given[1] if tapped else 0
        yield _beside(passing, _stage(spec, index, area))
        before, given = stage.channels, area
    if default_registry().of("head", spec.head).runs:
        yield ending(spec.head, spec.layer.norm or "layer", widths, areas, (spec.input.channels, *size))


def _areas(spec: Spec, size: Size) -> list[Size]:
    return [map_size(size, spec.stem.stride << index) for index in range(len(spec.stages))]


def _stage(spec: Spec, index: int, area: Size) -> Part:
    """The layers of the stage at that 0-based index."""
    stage, settings = spec.stages[index], stage_settings(spec, index)
    dpe, ffn = tuple(one.dpe for one in settings), tuple(runs_ffn(one) for one in settings)
    shape, reduction = stage_shape(stage_rule(stage), dpe, ffn), 2 ** (len(spec.stages) - index - 1)
    known: dict[tuple[int, int, int], LayerPrice] = {}
    priced: list[LayerPrice] = []
    for number, (own, features) in enumerate(zip(settings, shape.features, strict=True), start=1):
        # The levels of a spec give many layers one and the same value, which is cheaper to tell than equal ones.
        mark = id(own), features, number if heeds_number(own) else 1
        if mark not in known:
            known[mark] = layer_price(own, stage.channels, mark[2], features, reduction, *area)
        priced.append(known[mark])
    return layers(shape, priced, stage.channels, area)


def _beside(passing: int, part: Part) -> Part:
    """The part, with what passes it by in its peak."""
    return Part(part.price, part.moved, part.peak + passing)
