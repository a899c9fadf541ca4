"""From a schedule to a ``torch.fx`` graph: one step, one node, and frees where the schedule has them.

fx writes ``name = None`` behind the last use of a name, so the order of the nodes fixes the life of every buffer.
Names of nodes are generated from positions, never taken from a spec. The modules that run are traced and compared with
this graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import torch
from torch import fx, nn

from sparx_dsl.nn.recompute import read_again, recomputed_part, regathered_part
from sparx_dsl.schedule import Free, Gather, Run, Schedule
from sparx_dsl.schedule.values import IMAGES


def fx_graph(schedule: Schedule, recomputed: Collection[str] = ()) -> fx.Graph:
    """The graph whose generated ``forward`` runs the schedule's steps one by one.

    ``recomputed`` are the modules whose inner tensors the backward pass computes again.
    """
    graph = fx.Graph()
    written = {IMAGES: graph.placeholder(IMAGES)}
    regathered: dict[str, fx.Node] = {}
    for step in schedule.steps:
        if isinstance(step, Free):
            continue
        name = node_name(schedule, step)
        if isinstance(step, Run) and step.inputs[-1] in regathered:
            part = graph.create_node("get_attr", step.module, name=f"{name}_part")
            x, features = written[step.inputs[0]], regathered[step.inputs[-1]]
            written[step.output] = graph.create_node("call_function", regathered_part, (part, x, features), name=name)
            continue
        inputs = tuple(written[name] for name in step.inputs)
        if isinstance(step, Gather) and f"{step.node}.gather" in recomputed:
            regathered[step.output] = graph.create_node("call_function", read_again, (inputs,), name=name)
            continue
        if isinstance(step, Gather):
            node = graph.create_node("call_function", torch.cat, (inputs,), {"dim": 1}, name=name)
        elif step.module in recomputed:
            part = graph.create_node("get_attr", step.module, name=f"{name}_part")
            node = graph.create_node("call_function", recomputed_part, (part, *inputs), name=name)
        else:
            node = graph.create_node("call_module", step.module, inputs, {}, name=name)
        written[step.output] = node
    results = [written[name] for name in schedule.outputs]
    graph.output(results[0] if schedule.features is None else results)
    graph.lint()
    return graph


def node_name(schedule: Schedule, step: Run | Gather) -> str:
    """The name of a step's result in the generated code, such as ``stage3_layer4_fusion``: positions and parts only."""
    node = schedule.graph.node(step.node)
    if node.role in ("stem", "head"):
        return node.role
    if node.role == "downsample":
        return f"stage{node.stage}_downsample"
    layer = f"stage{node.stage}_layer{node.number}"
    if isinstance(step, Gather):
        return f"{layer}_gather"
    if step.part == "link":
        source = schedule.graph.node(step.inputs[0])
        return f"{layer}_link_{source.role}_{source.stage}_{source.number}"
    return f"{layer}_{step.part}"


class PartTracer(fx.Tracer):
    """Traces what calls the parts of a schedule, and not what they do inside."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.parts = {step.module for step in schedule.steps if isinstance(step, Run)}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is a part."""
        return module_qualified_name in self.parts

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A node for a part; other modules are followed, without their hooks, which are not made for tracing."""
        if self.is_leaf_module(m, self.path_of_module(m)):
            return super().call_module(m, forward, args, kwargs)
        return m.forward(*args, **kwargs)


def other_steps(module: nn.Module, schedule: Schedule) -> Iterator[str]:
    """What the modules that run do otherwise than the schedule says, as sentences; nothing where they agree."""
    expected = list(fx_graph(schedule).nodes)
    with torch.no_grad():  # so that maps are donated, as in inference
        found = list(PartTracer(schedule).trace(module).nodes)
    if len(expected) != len(found):
        yield f"{len(expected)} steps are {len(found)} calls"
    place = {node: number for nodes in (expected, found) for number, node in enumerate(nodes)}
    for planned, node in zip(expected, found, strict=False):
        if _called(module, planned, place) != _called(module, node, place):
            yield f"{planned.name} is planned, and {node.name} is called, or on other results"


def _called(module: nn.Module, node: fx.Node, place: Mapping[fx.Node, int]) -> tuple[object, ...]:
    """What a node calls, a function or a part, on the results of which nodes; a part may have two paths."""
    target = "" if node.op == "placeholder" else node.target
    if node.op == "call_module":
        target = id(module.get_submodule(str(target)))
    return node.op, target, [place[each] for each in node.all_input_nodes], node.kwargs.get("dim")
