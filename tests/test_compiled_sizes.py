"""Compiling for a second image size takes no more than for the first: counted in graphs and symbols, not in seconds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import sparx_dsl
from tests.support.backbones import small
from tests.support.deployed import results
from tests.support.recorded_graphs import Recorder

SIZES = ((24, 24), (40, 32), (33, 57))

pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


def symbols(graph: torch.fx.GraphModule) -> list[str]:
    """The steps of a graph that compute with a size which it does not know, or whose shapes depend on one."""
    found: list[str] = []
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            continue
        value = node.meta.get("example_value")
        sizes = value.shape if isinstance(value, Tensor) else (value,)
        if any(isinstance(size, torch.SymInt) for size in sizes):
            found.append(node.name)
    return found


@pytest.mark.parametrize("deploy", [False, True])
def test_windows_are_compiled_for_each_size(deploy: bool) -> None:
    """One graph for each size, all as long as the first, none with a symbol; and the first serves its size again."""
    torch.compiler.reset()
    backbone, recorder = sparx_dsl.build(small("window_attention"), deploy=deploy).eval(), Recorder()
    compiled = torch.compile(backbone, fullgraph=True, backend=recorder)
    for size in (*SIZES, SIZES[0]):
        images = torch.randn(2, 3, *size)
        assert torch.allclose(results(compiled, images)[0], results(backbone, images)[0], atol=1e-5)
    assert len(recorder.graphs) == len(SIZES)
    assert not [name for graph in recorder.graphs for name in symbols(graph)]


def test_other_mixers_have_one_graph_for_all_further_sizes() -> None:
    """Their shapes are short formulas, so that height and width may stay symbols."""
    torch.compiler.reset()
    backbone, recorder = sparx_dsl.build(small("ss2d")).eval(), Recorder()
    compiled = torch.compile(backbone, fullgraph=True, backend=recorder)
    for size in SIZES:
        results(compiled, torch.randn(2, 3, *size))
    first, *further = map(symbols, recorder.graphs)
    assert not first
    assert all(further)
