"""A backend of ``torch.compile`` that keeps what it is given, and what compilers and exporters must take whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim


class Recorder:
    """A backend of ``torch.compile`` that keeps the graphs and runs them as they are."""

    def __init__(self) -> None:
        self.graphs: list[torch.fx.GraphModule] = []

    def __call__(self, graph: torch.fx.GraphModule, inputs: Sequence[Tensor]) -> Any:
        """Keep a graph."""
        self.graphs.append(graph)
        return graph.forward

    def counts(self) -> Counter[str]:
        """How often each function or method is called in the only graph."""
        (graph,) = self.graphs
        targets = (str(getattr(node.target, "__name__", node.target)) for node in graph.graph.nodes)
        return Counter(target.removesuffix(".default") for target in targets)


def compiles_whole_for_every_batch(model: nn.Module, height: int, width: int) -> bool:
    """Whether ``torch.compile`` takes a model in evaluation as one graph, which serves every batch size."""
    # Dynamo takes more than a second to import.
    from torch._dynamo import mark_dynamic

    torch.compiler.reset()
    recorder = Recorder()
    compiled = torch.compile(model, fullgraph=True, backend=recorder)
    for batch in (2, 5, 3):
        images = torch.randn(batch, 3, height, width)
        mark_dynamic(images, 0)
        if not torch.allclose(compiled(images), model(images), atol=1e-5):
            return False
    return len(recorder.graphs) == 1


def exports_for_every_batch(model: nn.Module, height: int, width: int) -> bool:
    """Whether ``torch.export`` with a dynamic batch gives a program that agrees at other batch sizes, one included."""
    images = torch.randn(2, 3, height, width)
    program = torch.export.export(model, (images,), dynamic_shapes=({0: Dim.DYNAMIC},)).module()
    several = [torch.randn(batch, 3, height, width) for batch in (1, 2, 5)]
    return all(torch.allclose(program(each), model(each), atol=1e-5) for each in several)
