"""The compiled module does what the schedule says: results, gradients, frees, memory, names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

import sparx_dsl
from sparx_dsl import SparxError, Spec
from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule import Free, Gather, Run, Schedule
from tests.support.backbones import tiny
from tests.support.strategies import specs

PART_NAME = re.compile(
    r"images|stem|head|stage\d+_downsample"
    r"|stage\d+_layer\d+_(dpe|gather|fusion|mixer|ffn|link_(stem|downsample|layer)_\d+_\d+)"
)
MODULE_PATH = re.compile(r"self(\.[a-z][a-z0-9_]{0,63})+")


def backbones(**bounds: int) -> st.SearchStrategy[Backbone]:
    """A compiled backbone of a small generated spec, for logits or for the maps of some of its stages."""

    @st.composite
    def draw_backbone(draw: st.DrawFn) -> Backbone:
        spec = draw(specs(**bounds))
        stages = range(1, len(spec.stages) + 1)
        features = draw(st.none() | st.sets(st.sampled_from(stages), min_size=1).map(lambda few: tuple(sorted(few))))
        torch.manual_seed(draw(st.integers(0, 9)))
        return sparx_dsl.build(spec, features=features)

    return draw_backbone()


def images_for(spec: Spec, batch: int = 1) -> Tensor:
    """Random images of the size that the spec names."""
    return torch.randn(batch, spec.input.channels, *spec.input.size)


def naive(backbone: Backbone, images: Tensor) -> Tensor | list[Tensor]:
    """Run the steps one after the other, keep every buffer, free nothing."""
    buffers = {"images": images}
    for step in backbone.schedule.steps:
        if isinstance(step, Run):
            part = backbone.get_submodule(step.module)
            buffers[step.output] = part(*[buffers[name] for name in step.inputs])
        elif isinstance(step, Gather):
            buffers[step.output] = torch.cat([buffers[name] for name in step.inputs], dim=1)
    results = [buffers[name] for name in backbone.schedule.outputs]
    return results[0] if backbone.schedule.features is None else results


def by_the_graph(backbone: Backbone, images: Tensor) -> dict[str, Tensor]:
    """Run the nodes of the connection graph one after the other, without looking at the schedule."""
    graph = backbone.schedule.graph
    last = max(backbone.schedule.features or (len(graph.spec.stages),))
    maps: dict[str, Tensor] = {}

    def part(name: str, *inputs: Tensor) -> Tensor:
        return backbone.get_submodule(name)(*inputs)

    for node in graph.nodes:
        if node.stage > last or (node.role == "head" and backbone.schedule.features):
            continue
        (feed,) = [edge.source for edge in graph.edges if edge.target == node.name and edge.kind == "feed"] or [None]
        x = images if feed is None else maps[feed]
        if node.role != "layer":
            into = [edge for edge in graph.edges if edge.target == node.name]
            taps = sorted((edge.slot, edge.source) for edge in into if edge.slot is not None)
            whole = [*(maps[source] for _, source in taps), x, images] if node.site.maps else [x]
            maps[node.name] = part(node.name, *whole)
            continue
        settings = node.layer_settings
        heard = sorted(
            (edge for edge in graph.edges if edge.target == node.name and edge.slot is not None),
            key=lambda edge: edge.slot or 0,
        )
        features = [
            part(f"{node.name}.link_{edge.source.replace('.', '_')}", maps[edge.source])
            if graph.adapted(edge)
            else maps[edge.source]
            for edge in heard
        ]
        if settings.dpe:
            x = part(f"{node.name}.dpe", x)
        fused = [part(f"{node.name}.fusion", x, torch.cat(features, dim=1))] if features else []
        x = part(f"{node.name}.mixer", x, *fused)
        maps[node.name] = x if settings.ffn.kind == "none" else part(f"{node.name}.ffn", x)
    return maps


def maps_of(result: Tensor | list[Tensor] | tuple[Tensor, ...]) -> list[Tensor]:
    """The results as a list; in training a head may give two."""
    return [result] if isinstance(result, Tensor) else list(result)


def differentiate(
    backbone: Backbone, run: Callable[[Backbone, Tensor], Tensor | list[Tensor]], images: Tensor
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Results and gradients (input first) of one run from a fixed seed; running statistics are put back afterwards."""
    images = images.clone().requires_grad_()
    before = {name: buffer.clone() for name, buffer in backbone.named_buffers()}
    torch.manual_seed(3)
    results = maps_of(run(backbone, images))
    torch.manual_seed(4)
    loss = sum((result * torch.randn_like(result)).sum() for result in results)
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, [images, *backbone.parameters()], allow_unused=True)
    with torch.no_grad():
        for name, buffer in backbone.named_buffers():
            buffer.copy_(before[name])
    return [result.detach() for result in results], list(gradients)


@settings(max_examples=20, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4), training=st.booleans())
def test_results_and_gradients_are_bitwise_those_of_a_naive_run(backbone: Backbone, training: bool) -> None:
    """The generated forward gives what a run that frees nothing gives, bit for bit, and so do its gradients."""
    backbone.train(training)
    images = images_for(backbone.spec, 2)
    results, gradients = differentiate(backbone, lambda model, x: model(x), images)
    expected, expected_gradients = differentiate(backbone, naive, images)
    assert all(torch.equal(a, b) for a, b in zip(results, expected, strict=True))
    for name, a, b in zip(["images", *dict(backbone.named_parameters())], gradients, expected_gradients, strict=True):
        if name.startswith("head.auxiliary") and not training:
            assert a is None and b is None, f"{name} belongs to training"  # noqa: PT018
            continue
        assert a is not None, f"{name} has no gradient"
        assert b is not None
        assert torch.equal(a, b), name


@settings(max_examples=20, deadline=None)
@given(spec=specs(most_stages=3, deepest=4))
def test_every_parameter_learns(spec: Spec) -> None:
    """No parameter of logits, or of all stages' maps, is left without a gradient, as distributed training needs."""
    for features in (None, tuple(range(1, len(spec.stages) + 1))):
        backbone = sparx_dsl.build(spec, features=features)
        total = sum(result.sum() for result in maps_of(backbone(images_for(spec, 2))))
        assert isinstance(total, Tensor)
        total.backward()
        assert [name for name, parameter in backbone.named_parameters() if parameter.grad is None] == []


@settings(max_examples=20, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4))
def test_results_are_bitwise_those_of_the_graph(backbone: Backbone) -> None:
    """The generated forward gives what the connection graph says, bit for bit."""
    images = images_for(backbone.spec)
    with torch.no_grad():
        results, maps = maps_of(backbone.eval()(images)), by_the_graph(backbone, images)
    assert len(results) == len(backbone.schedule.outputs)
    for name, result in zip(backbone.schedule.outputs, results, strict=True):
        assert torch.equal(result, maps[name]), name


def statements(code: str) -> tuple[list[tuple[str, str, list[str], set[str]]], list[str]]:
    """The generated code as (result, callee, arguments, names set to None after it), and the names that it returns."""
    (function,) = ast.parse(code.strip()).body
    assert isinstance(function, ast.FunctionDef)
    found: list[tuple[str, str, list[str], set[str]]] = []
    for line in function.body:
        if isinstance(line, ast.Return):
            assert line.value is not None
            return found, [ast.unparse(name) for name in getattr(line.value, "elts", [line.value])]
        assert isinstance(line, ast.Assign)
        names = [ast.unparse(target) for target in line.targets]
        if isinstance(line.value, ast.Constant):
            assert line.value.value is None
            found[-1][3].update(names)
            continue
        assert isinstance(line.value, ast.Call)
        arguments = [name for given in line.value.args for name in getattr(given, "elts", [given])]
        found.append((names[0], ast.unparse(line.value.func), [ast.unparse(name) for name in arguments], set()))
    raise AssertionError("the code returns nothing")


def planned(schedule: Schedule) -> list[tuple[Run | Gather, set[str]]]:
    """Each step with the buffers that are freed right after it."""
    found: list[tuple[Run | Gather, set[str]]] = []
    for step in schedule.steps:
        if isinstance(step, Free):
            found[-1][1].add(step.buffer)
        else:
            found.append((step, set()))
    return found


@settings(max_examples=40, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=5))
def test_code_runs_and_frees_what_the_schedule_says(backbone: Backbone) -> None:
    """Line by line, the code calls the step's module on the step's inputs and frees the buffers that the plan frees."""
    lines, returned = statements(backbone.code)
    plan = planned(backbone.schedule)
    assert len(lines) == len(plan)
    buffer = {"images": "images"} | {line[0]: step.output for line, (step, _) in zip(lines, plan, strict=True)}
    for (_, callee, arguments, freed), (step, dying) in zip(lines, plan, strict=True):
        assert callee == ("torch.cat" if isinstance(step, Gather) else f"self.{step.module}")
        assert [buffer[name] for name in arguments] == list(step.inputs)
        assert {buffer[name] for name in freed} == dying, step.output
    assert [buffer[name] for name in returned] == list(backbone.schedule.outputs)


class Witness(TorchFunctionMode):
    """Sees every buffer's memory come and go during a run, and notes each step at which it is not as planned."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.schedule = backbone.schedule
        self.born: dict[str, StorageWeakRef] = {}
        self.complaints: list[str] = []
        self.inside = False
        self.place = 0
        self.handles = [
            handle
            for path in {step.module for step in self.schedule.steps if isinstance(step, Run)}
            for part in [backbone.get_submodule(path)]
            for handle in (part.register_forward_pre_hook(self.before), part.register_forward_hook(self.after))
        ]

    def before(self, part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """A part is about to run."""
        self.compare()
        self.inside = True

    def after(self, part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """A part has run."""
        self.inside = False
        self.note(output)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch.cat or self.inside:
            return func(*args, **(kwargs or {}))
        self.compare()
        result = func(*args, **(kwargs or {}))
        self.note(result)
        return result

    def compare(self) -> None:
        """Skip the plan's frees, then compare what is alive with what the plan holds before its next step."""
        while isinstance(self.schedule.steps[self.place], Free):
            self.place += 1
        step = self.schedule.steps[self.place]
        assert not isinstance(step, Free)
        # The caller holds the images whatever the plan says, and the step's output does not exist yet.
        wanted = set(self.schedule.lives[self.place]) - {step.output, "images"}
        alive = {name for name, storage in self.born.items() if not storage.expired()}
        if alive != wanted:
            self.complaints.append(f"at {step.output}: {sorted(alive - wanted)} more, {sorted(wanted - alive)} less")

    def note(self, output: Tensor) -> None:
        """Remember the memory of the step's output, weakly, and compare its size with the plan's."""
        step = self.schedule.steps[self.place]
        assert not isinstance(step, Free)
        self.born[step.output] = StorageWeakRef(output.untyped_storage())
        size, planned = output.untyped_storage().nbytes(), self.schedule.buffers[step.output].bytes
        if size != planned:
            self.complaints.append(f"{step.output} holds {size} bytes, not {planned}")
        self.place += 1


@contextmanager
def witness(backbone: Backbone) -> Generator[Witness, None, None]:
    """A witness of the runs inside the block."""
    seen = Witness(backbone)
    with torch.no_grad(), seen:
        yield seen
    for handle in seen.handles:
        handle.remove()


@settings(max_examples=25, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=4))
def test_memory_dies_where_the_plan_says(backbone: Backbone) -> None:
    """Whenever a step begins, exactly the memory of the planned buffers is alive, each of its planned size."""
    with witness(backbone.eval()) as seen:
        backbone(images_for(backbone.spec))
    assert seen.complaints == []
    assert set(seen.born) | {"images"} == set(backbone.schedule.buffers)


def test_the_witness_sees_a_run_that_keeps_everything() -> None:
    """A run that frees nothing does not pass for the compiled one."""
    backbone = sparx_dsl.build(tiny()).eval()
    with witness(backbone) as seen:
        naive(backbone, images_for(backbone.spec))
    assert len(seen.complaints) > 5
    assert all(" more, [] less" in complaint for complaint in seen.complaints)


@settings(max_examples=40, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=5))
def test_names_in_the_code_come_from_positions(backbone: Backbone) -> None:
    """The code's variables are made of positions and parts; its attributes are paths of modules, plain identifiers."""
    lines, _ = statements(backbone.code)
    assert [node.name for node in backbone.graph.nodes][1:-1] == [name for name, *_ in lines]
    assert all(PART_NAME.fullmatch(name) for name, *_ in lines)
    assert all(callee == "torch.cat" or MODULE_PATH.fullmatch(callee) for _, callee, *_ in lines)
    assert len({name for name, *_ in lines}) == len(lines)


def test_a_stage_of_its_own_name_gives_names_by_position() -> None:
    """A stage named ``deep`` is ``stage3`` in the code's variables, and ``deep`` in the paths of its modules only."""
    lines, _ = statements(sparx_dsl.build(tiny(), device="meta").code)
    names = [name for name, *_ in lines]
    assert not any("deep" in name for name in names)
    assert {"stage3_downsample", "stage3_layer1_link_layer_1_2", "stage3_layer1_gather", "stage3_layer3_ffn"} <= set(
        names
    )
    assert ("stage3_layer2_mixer", "self.deep.layer2.mixer") in [line[:2] for line in lines]


HOSTILE = [
    'training"), exit(), ("',
    "a.b",
    "a b",
    "class",
    "𝒳",
    "a\nb",
    "_modules",
    "__init__",
    "forward",
    "É",
    "a" * 65,
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_stage_names_are_refused(name: str) -> None:
    """A name that Python or the compiled module would take for something else never reaches the compiler."""
    with pytest.raises(SparxError):
        sparx_dsl.build(tiny(stages=[{"name": name, "channels": 8, "depth": 1}], links={}))


def test_the_names_of_the_compiled_module_are_refused() -> None:
    """No stage can take the name of an attribute that the compiled module has."""
    taken = set(dir(sparx_dsl.build(tiny(), device="meta"))) - {"stage1", "stage2", "deep"}
    accepted = [name for name in sorted(taken) if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) and accepts(name)]
    assert accepted == []


def accepts(name: str) -> bool:
    """Whether the language takes a stage of that name."""
    try:
        sparx_dsl.parse_spec(tiny(stages=[{"name": name, "channels": 8, "depth": 1}], links={}))
    except SparxError:
        return False
    return True
