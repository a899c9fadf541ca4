"""The code of a compiled module: what it runs and frees, and whence its names come."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given, settings

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.lowering import Backbone
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.schedule import Free, Gather, Run, Schedule
from tests.support.backbones import tiny
from tests.support.compiled import backbones

PART_NAME = re.compile(
    r"images|stem|head|stage\d+_downsample"
    r"|stage\d+_layer\d+_(dpe|gather|fusion|mixer|ffn|norm|link_(stem|downsample|layer)_\d+_\d+)"
)
MODULE_PATH = re.compile(r"self(\.[a-z][a-z0-9_]{0,63})+")


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


@settings(max_examples=40, deadline=None)
@given(backbone=backbones(most_stages=3, deepest=5))
def test_names_in_the_code_come_from_positions(backbone: Backbone) -> None:
    """The code's variables are made of positions and parts; its attributes are paths of modules, plain identifiers."""
    lines, _ = statements(backbone.code)
    assert [node.name for node in fx_graph(backbone.schedule).nodes][1:-1] == [name for name, *_ in lines]
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
