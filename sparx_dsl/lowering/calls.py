"""From a schedule to calls of stages and layers: with which buffers, and which of them are freed in the call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby

from torch import nn

from sparx_dsl.nn.stage import Layer, LayerCall, Stage
from sparx_dsl.schedule import Free, Gather, Run, Schedule


@dataclass(frozen=True, slots=True)
class TimedStep:
    """A step, and the buffers that are freed right after it."""

    step: Run | Gather
    frees: frozenset[str]


@dataclass(frozen=True, slots=True)
class Call:
    """How a backbone calls a stage, or a part that belongs to no stage."""

    module: str
    reads: tuple[str, ...]
    """The buffers that it is called with."""
    frees: frozenset[str]
    """Those that nothing after it reads: they are freed in the call."""
    outputs: tuple[str, ...]
    """The buffer that it gives; of a stage, then the maps of ``layers``, then what the adapters make of the links that
    start in it."""
    layers: tuple[str, ...] = ()
    """The names of layers of a stage before its last, or ``downsample``, whose maps are wanted too."""
    adapters: tuple[str, ...] = ()
    """The paths of these adapters, which are children of the layers that read the links."""
    stage: int = 0
    """The stage's number from 1; 0 for a part that belongs to no stage."""


def timed_steps(schedule: Schedule) -> list[TimedStep]:
    """The schedule's steps with their frees."""
    found: list[tuple[Run | Gather, list[str]]] = []
    for step in schedule.steps:
        if isinstance(step, Free):
            found[-1][1].append(step.buffer)
        else:
            found.append((step, []))
    return [TimedStep(step, frozenset(frees)) for step, frees in found]


def is_link(step: Run | Gather) -> bool:
    """Whether a step adapts the feature of an added link."""
    return isinstance(step, Run) and step.part == "link"


def stage_of(schedule: Schedule, step: Run | Gather) -> int:
    """The stage within which a step runs, from 1; 0 for the stem, the head, and links that start at the stem."""
    node = schedule.graph.node(step.inputs[0] if is_link(step) else step.node)
    return 0 if node.role in ("stem", "head") else node.stage


def steps_by_stage(schedule: Schedule) -> Iterator[tuple[int, list[TimedStep]]]:
    """The steps of each stage together, and each step outside of stages by itself (0), in the order of the schedule."""
    for stage, steps in groupby(timed_steps(schedule), lambda each: stage_of(schedule, each.step)):
        if stage:
            yield stage, list(steps)
        else:
            yield from ((0, [each]) for each in steps)


def backbone_calls(schedule: Schedule) -> tuple[Call, ...]:
    """What a backbone calls, in order."""
    calls: list[Call] = []
    wanted = set(schedule.outputs)
    for stage, steps in reversed(list(steps_by_stage(schedule))):
        calls.append(_stage_call(schedule, stage, steps, wanted) if stage else _part_call(*steps))
        wanted.update(name for each in steps for name in each.step.inputs)
    return tuple(reversed(calls))


def _part_call(timed: TimedStep) -> Call:
    step = timed.step
    assert isinstance(step, Run)
    return Call(step.module, step.inputs, timed.frees, (step.output,))


def _stage_call(schedule: Schedule, stage: int, steps: list[TimedStep], wanted: Collection[str]) -> Call:
    """The call of a stage; ``wanted`` are the buffers that the backbone gives, or that something after it reads."""
    x, links = _external_inputs(steps)
    runs = [each.step for each in steps]
    adapters = [step for step in runs if isinstance(step, Run) and step.part == "link"]
    result = next(step.output for step in reversed(runs) if not is_link(step))
    kept = [step.output for step in runs if step.output in wanted and step.output != result and not is_link(step)]
    return Call(
        schedule.graph.node(result).name.rpartition(".")[0],
        (x, *links),
        _freed(steps) & {x, *links},
        (result, *kept, *(step.output for step in adapters)),
        tuple(name.rpartition(".")[2] for name in kept),
        tuple(step.module for step in adapters),
        stage,
    )


def make_children(schedule: Schedule, parts: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The children of a backbone by name, in the order in which they run; ``parts`` are the steps' modules by path."""
    children: dict[str, nn.Module] = {}
    for call, (stage, steps) in zip(backbone_calls(schedule), steps_by_stage(schedule), strict=True):
        if stage:
            children[call.module] = _make_stage(call.module, steps, parts)
        elif "." not in call.module:
            children[call.module] = parts[call.module]
    return children


def _make_stage(name: str, steps: list[TimedStep], parts: Mapping[str, nn.Module]) -> Stage:
    x, links = _external_inputs(steps)
    first = steps[0].step
    downsampled = isinstance(first, Run) and first.part == "downsample"
    children = {"downsample": parts[f"{name}.downsample"]} if downsampled else dict[str, nn.Module]()
    calls: list[LayerCall] = []
    entry_adapters = 0
    # Adapters follow the layer, or the downsampling, at whose result their links start.
    for node, group in groupby(steps, lambda each: "" if is_link(each.step) else each.step.node):
        found = list(group)
        if not node and calls:
            calls[-1] = _with_adapters(calls[-1], len(found))
        elif not node:
            entry_adapters = len(found)
        elif not downsampled or node != first.node:
            call = _layer_call(found)
            children[call.layer] = Layer(_children_at(f"{name}.{call.layer}.", parts), call.reads[1:])
            calls.append(call)
    return Stage(children, first.output if downsampled else x, links, tuple(calls), entry_adapters)


def _with_adapters(call: LayerCall, adapters: int) -> LayerCall:
    return LayerCall(call.layer, call.reads, call.frees, call.output, adapters)


def _layer_call(steps: list[TimedStep]) -> LayerCall:
    """The call of the layer that these steps are."""
    runs = [each.step for each in steps if isinstance(each.step, Run)]
    gathers = [each.step for each in steps if isinstance(each.step, Gather)]
    fusion = next((run for run in runs if run.part == "fusion"), None)
    features = gathers[0].inputs if gathers else fusion.inputs[1:] if fusion else ()
    reads = (runs[0].inputs[0], *features)
    return LayerCall(runs[0].node.rpartition(".")[2], reads, _freed(steps) & {*reads}, steps[-1].step.output, 0)


def _external_inputs(steps: list[TimedStep]) -> tuple[str, tuple[str, ...]]:
    """The buffers that a stage reads and does not write: the map of the stage before, then those of links.

    The map of the stage before is a link too where a layer reads it besides the downsampling.
    """
    first = next(each.step for each in steps if isinstance(each.step, Run))
    feed, downsampled = first.inputs[0], first.part == "downsample"
    known = {each.step.output for each in steps} | (set[str]() if downsampled else {feed})
    readers = [each.step for each in steps if not (downsampled and each.step is first)]
    return feed, tuple(dict.fromkeys(name for step in readers for name in step.inputs if name not in known))


def _freed(steps: Iterable[TimedStep]) -> frozenset[str]:
    return frozenset(chain.from_iterable(each.frees for each in steps))


def _children_at(prefix: str, parts: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    return {path.removeprefix(prefix): part for path, part in parts.items() if path.startswith(prefix)}
